package deployment

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func ticketFor(url string) Ticket {
	return Ticket{
		URL: url, StackID: "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/1", RequestID: "request-1", LogicalID: "Image", PhysicalID: "project",
		Image: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop", Tag: "deploy-1",
	}
}

func TestATicketIsTakenFromTheEnvironmentOnce(t *testing.T) {
	want := ticketFor("https://bucket.s3.amazonaws.com/answer?X-Amz-Signature=a&b=<c>")
	t.Setenv(variables.Ticket, want.String())
	got, err := Take()
	require.NoError(t, err)
	assert.Equal(t, &want, got)
	again, err := Take()
	require.NoError(t, err)
	assert.Nil(t, again, "programs that the build starts must not get it")
}

func TestAnErrorDoesNotShowATicketThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"secret", `{"url":""}`, `{"url":"secret`, `["secret"]`} {
		t.Setenv(variables.Ticket, text)
		_, err := Take()
		require.ErrorContains(t, err, "LAYERCACHE_TICKET: it is not a ticket")
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestTheAttributesOfAnImage(t *testing.T) {
	a := ticketFor("").Succeeded(digest, "cache used")
	assert.Equal(t, map[string]string{
		"ImageDigest": digest, "ImageDigestHex": digest[len("sha256:"):], "ImageUri": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@" + digest,
		"ImageTag": "deploy-1", "Verdict": "cache used",
	}, a.Data)
	var sent map[string]any
	require.NoError(t, json.Unmarshal(a.body(), &sent))
	for key, value := range map[string]string{
		"Status": "SUCCESS", "PhysicalResourceId": "project", "RequestId": "request-1", "LogicalResourceId": "Image", "StackId": ticketFor("").StackID,
	} {
		assert.Equal(t, value, sent[key], key)
	}
}

func TestAFailureFitsIntoAnAnswer(t *testing.T) {
	long := strings.Repeat("\"x\"<&>\u0001é", 5000)
	cases := []struct {
		name        string
		why         Failure
		first, last string
		// lines is the number of lines of a reason that is complete; 0 if it is not.
		lines int
	}{
		{"a short one is complete", Failure{"failed: RUN make", []string{"a", "b"}, "https://console"}, "failed: RUN make", "https://console", 4},
		{"without a log", Failure{Summary: "failed"}, "failed", "failed", 1},
		{"the first lines of a long log are left out", Failure{"failed", strings.Split(strings.Repeat("0123456789\n", 1000)+"the last", "\n"), "https://console"}, "failed", "https://console", 0},
		{"long text of all kinds", Failure{long, []string{long}, long}, `"x"<&>`, "…", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			body := ticketFor("").Failed(c.why).body()
			assert.LessOrEqual(t, len(body), maxAnswer)
			var a Answer
			require.NoError(t, json.Unmarshal(body, &a))
			assert.Equal(t, "FAILED", a.Status)
			lines := strings.Split(a.Reason, "\n")
			assert.True(t, strings.HasPrefix(lines[0], c.first), lines[0])
			assert.True(t, strings.HasSuffix(lines[len(lines)-1], c.last), lines[len(lines)-1])
			if c.lines > 0 {
				assert.Len(t, lines, c.lines)
			}
			if len(c.why.Log) > 100 {
				assert.Greater(t, len(lines), 100, "as many lines as fit")
				assert.Equal(t, "the last", lines[len(lines)-2])
			}
		})
	}
}

func TestALongVerdictFitsIntoAnAnswer(t *testing.T) {
	assert.LessOrEqual(t, len(ticketFor("").Succeeded(digest, strings.Repeat("\u0001", 9000)).body()), maxAnswer)
}

// receiver is a response URL that fails before it accepts an answer.
type receiver struct {
	*httptest.Server
	attempts atomic.Int32
	got      chan []byte
}

func receive(t *testing.T, failures int) *receiver {
	r := &receiver{got: make(chan []byte, 10)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		if int(r.attempts.Add(1)) <= failures {
			http.Error(w, "SlowDown", http.StatusServiceUnavailable)
			return
		}
		assert.Equal(t, http.MethodPut, request.Method)
		assert.Empty(t, request.Header.Values("Content-Type"), "the signature of the URL allows none")
		assert.EqualValues(t, len(body), request.ContentLength, "S3 accepts no chunks")
		r.got <- body
	}))
	t.Cleanup(r.Close)
	return r
}

func TestAnAnswerIsSentUntilItArrives(t *testing.T) {
	r := receive(t, 2)
	ticket := ticketFor(r.URL + "/answer?X-Amz-Signature=1")
	a := ticket.Succeeded(digest, "cache used")
	require.NoError(t, Sender{FirstWait: time.Millisecond}.Send(t.Context(), ticket, a))
	assert.EqualValues(t, 3, r.attempts.Load())
	assert.Equal(t, a.body(), <-r.got)
}

func TestAnAnswerThatCannotBeSent(t *testing.T) {
	r := receive(t, 1000)
	closed := receive(t, 0)
	closed.Close()
	for name, url := range map[string]string{
		"is refused":         r.URL + "/answer?X-Amz-Signature=secret",
		"finds no server":    closed.URL + "/answer?X-Amz-Signature=secret",
		"has no URL at all":  "://secret",
		"has another scheme": "gopher://host/?X-Amz-Signature=secret",
	} {
		err := Sender{FirstWait: time.Microsecond}.Send(t.Context(), ticketFor(url), Answer{})
		require.ErrorContains(t, err, "answer CloudFormation, which now waits until it times out", name)
		assert.NotContains(t, err.Error(), "secret", name)
	}
	assert.EqualValues(t, attempts, r.attempts.Load())
}

func TestSendingEndsWithTheContext(t *testing.T) {
	r := receive(t, 1000)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, Sender{FirstWait: time.Hour}.Send(ctx, ticketFor(r.URL), Answer{}), context.DeadlineExceeded)
}
