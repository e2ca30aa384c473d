//go:build linux && !unit

package ondeploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// lambda runs the program of a function with AWS Lambda's runtime API:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. It repeats an event that fails, as AWS Lambda does
// with events that nobody waits for.
type lambda struct {
	t      *testing.T
	events chan event
	mutex  sync.Mutex
	// pending are the events without an answer, by request id. failed are the errors that the function reported.
	pending map[string]event
	failed  []string
	number  int
}

type event struct {
	payload  string
	attempts int
}

// maxAttempts is how often AWS Lambda tries an event.
const maxAttempts = 3

// startLambda starts the function with an environment. The output returns what it has logged.
func startLambda(t *testing.T, environ []string) (l *lambda, output func() string) {
	t.Helper()
	l = &lambda{t: t, events: make(chan event, 100), pending: map[string]event{}}
	api := httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(api.Close)
	ctx, stop := context.WithCancel(context.Background())
	program := exec.CommandContext(ctx, programs.Path(programs.DeployFunction))
	program.Env = append(environ, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"), "_HANDLER=bootstrap")
	var logged safeBuffer
	program.Stdout, program.Stderr = &logged, &logged
	require.NoError(t, program.Start())
	t.Cleanup(func() {
		stop()
		_ = program.Wait()
		api.CloseClientConnections()
	})
	return l, logged.String
}

// invoke passes an event to the function, without waiting for its end.
func (l *lambda) invoke(payload any) {
	text, err := json.Marshal(payload)
	assert.NoError(l.t, err)
	l.events <- event{payload: string(text)}
}

func (l *lambda) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/invocation/next") {
		l.next(w, r)
		return
	}
	parts := strings.Split(r.URL.Path, "/")
	id, outcome := parts[len(parts)-2], parts[len(parts)-1]
	body, _ := io.ReadAll(r.Body)
	l.mutex.Lock()
	e := l.pending[id]
	delete(l.pending, id)
	if outcome == "error" {
		l.failed = append(l.failed, string(body))
	}
	l.mutex.Unlock()
	if e.attempts++; outcome == "error" && e.attempts < maxAttempts {
		time.AfterFunc(100*time.Millisecond, func() { l.events <- e })
	}
	w.WriteHeader(http.StatusAccepted)
}

func (l *lambda) next(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case e := <-l.events:
		l.mutex.Lock()
		l.number++
		id := fmt.Sprintf("invocation-%d", l.number)
		l.pending[id] = e
		l.mutex.Unlock()
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(3*time.Minute).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:111122223333:function:deploy")
		_, _ = io.WriteString(w, e.payload)
	}
}

// errors returns the errors that the function has reported.
func (l *lambda) errors() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]string{}, l.failed...)
}

// safeBuffer is a buffer that a program may write to while a test reads it.
type safeBuffer struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}
