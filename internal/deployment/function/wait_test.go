package function

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/deployment"
)

// What AWS's part is assumed to take. docs/evidence/decisions.md has these figures and their sum.
const (
	// functionStart is a start of the function on a new machine of AWS Lambda.
	functionStart = 500 * time.Millisecond
	// requestTime is a request to a service in the same region with a new connection.
	requestTime = 150 * time.Millisecond
)

// simulatedAWS answers in the process, after the time that a service is assumed to take. It has no connections, which
// a simulated clock could not wait for.
type simulatedAWS struct {
	*world
	// build is when StartBuild was called.
	build time.Time
}

func (s *simulatedAWS) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, isCall := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation == "StartBuild" {
		s.build = time.Now()
	}
	time.Sleep(requestTime)
	recorded := httptest.NewRecorder()
	if isCall {
		s.aws.ServeHTTP(recorded, r)
	} else {
		s.receive(recorded, r)
	}
	return recorded.Result(), nil
}

// deployed returns how much longer the deployment waits for its build than somebody who starts the same build by hand:
// the time until the function calls StartBuild, the time in which CodeBuild reads the ticket, and the time in which the
// build answers. A failed answer is sent again.
func (s *simulatedAWS) deployed(ctx context.Context) time.Duration {
	config := s.aws.Config()
	config.HTTPClient = &http.Client{Transport: s}
	sender := deployment.Sender{Client: &http.Client{Transport: s}}
	request, err := json.Marshal(map[string]any{
		"RequestType": "Create", "RequestId": "r1", "ResponseURL": s.url, "StackId": "stack", "LogicalResourceId": "Deploy",
		"ResourceProperties": map[string]any{"Project": "shop", "Image": image, "Tags": "latest"},
	})
	require.NoError(s, err)

	asked := time.Now()
	time.Sleep(functionStart)
	require.NoError(s, New(config, sender, log.New(io.Discard, "", 0)).Handle(ctx, request))
	waited := s.build.Sub(asked)

	provisioned := time.Now()
	read, err := tickets{ssm.NewFromConfig(config)}.get(ctx, "shop")
	require.NoError(s, err)
	waited += time.Since(provisioned)

	reported := time.Now()
	require.NoError(s, sender.Send(ctx, *read, read.Succeeded(digest, "cache used")))
	return waited + time.Since(reported)
}

func TestADeploymentWaitsAtMostTwoSecondsLongerThanForABuildStartedByHand(t *testing.T) {
	for _, c := range []struct {
		name     string
		failures int
		want     time.Duration
	}{
		{"the response URL works", 0, functionStart + 5*requestTime},
		{"the response URL fails twice", 2, functionStart + 7*requestTime + 1500*time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.failures = c.failures
			synctest.Test(t, func(t *testing.T) {
				waited := (&simulatedAWS{world: w}).deployed(t.Context())
				assert.Equal(t, c.want, waited)
				if c.failures == 0 {
					assert.LessOrEqual(t, waited, 2*time.Second)
				}
			})
			require.Len(t, w.answers, 1)
			assert.Equal(t, "SUCCESS", w.answers[0].Status)
		})
	}
}
