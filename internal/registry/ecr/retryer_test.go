package ecr

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/registry/throttle"
)

func TestASignInThatIsThrottledIsTriedAgain(t *testing.T) {
	cases := []struct {
		name, word    string
		status, times int
		retryAfter    string
		signedIn      bool
		calls         int
		waited        float64
	}{
		{"ECR's own error", "ThrottlingException", 400, 2, "", true, 3, 2.4},
		{"429 with Retry-After", "", 429, 1, "1", true, 2, 1},
		{"503 with Retry-After", "", 503, 4, "0", true, 5, 0.8},
		{"throttling without end", "ThrottlingException", 400, 1000, "1", false, 4, 3},
		{"a wait that does not fit", "ThrottlingException", 400, 1, "30", false, 1, 0},
		{"a refusal", "AccessDeniedException", 400, 1, "1", false, 1, 0},
		{"an outage is tried three times, as the SDK does", "", 500, 1000, "", false, 3, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls <= c.times {
					w.Header().Set("Retry-After", c.retryAfter)
					w.WriteHeader(c.status)
					fmt.Fprintf(w, `{"__type":%q,"message":"Rate exceeded"}`, c.word)
					return
				}
				fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q}]}`, base64.StdEncoding.EncodeToString([]byte("AWS:token")))
			}))
			defer server.Close()
			t.Setenv("AWS_ENDPOINT_URL_ECR", server.URL)
			t.Setenv("AWS_ACCESS_KEY_ID", "KEY")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			waits := &throttle.Waits{Say: func(string, ...any) {}}
			limit := 3900 * time.Millisecond
			if c.status == http.StatusInternalServerError {
				limit = 20 * time.Second // The SDK's own waits are random.
			}
			ctx, cancel := context.WithTimeout(throttle.NewContext(t.Context(), waits), limit)
			defer cancel()
			logins, err := Login(ctx, registriesAt(ireland))
			require.Equal(t, c.signedIn, err == nil, "%v", err)
			assert.Equal(t, c.signedIn, len(logins.Credentials()) == 1)
			assert.Equal(t, c.calls, calls)
			assert.InDelta(t, c.waited, waits.Total().Seconds(), 0.3)
			if c.word == "ThrottlingException" && !c.signedIn {
				assert.ErrorContains(t, err, "ThrottlingException", "the error names throttling, not the deadline")
			}
		})
	}
}
