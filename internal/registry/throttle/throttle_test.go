package throttle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	cases := []struct {
		name, value string
		want        time.Duration
		asked       bool
	}{
		{"a number of seconds", "3", 3 * time.Second, true},
		{"a number with spaces", " 3 ", 3 * time.Second, true},
		{"no wait", "0", 0, true},
		{"a date", "Sat, 28 Nov 2026 12:00:07 GMT", 7 * time.Second, true},
		{"a date in the old form", "Saturday, 28-Nov-26 12:00:07 GMT", 7 * time.Second, true},
		{"a date in the past", "Sat, 28 Nov 2026 11:00:00 GMT", 0, true},
		{"a date in a century", "Sat, 28 Nov 2126 12:00:00 GMT", time.Date(2126, 11, 28, 12, 0, 0, 0, time.UTC).Sub(now), true},
		{"no header", "", 0, false},
		{"a negative number", "-1", 0, false},
		{"a number that is too large", "99999999999999999999", 0, false},
		{"a number that is no integer", "1.5", 0, false},
		{"words", "soon", 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, asked := retryAfter(http.Header{"Retry-After": {c.value}}, now)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.asked, asked)
		})
	}
}

func TestDelay(t *testing.T) {
	const none = time.Duration(0)
	cases := []struct {
		name       string
		left       time.Duration
		attempt    int
		retryAfter string
		want       time.Duration
		ok         bool
	}{
		{"the server's wait", 10 * time.Second, 0, "3", 3 * time.Second, true},
		{"the server's wait does not fit", 2 * time.Second, 0, "3", none, false},
		{"a server that asks for no wait is not asked in a tight loop", 10 * time.Second, 3, "0", shortestWait, true},
		{"the first wait", time.Minute, 0, "", time.Second, true},
		{"the third wait", time.Minute, 2, "", 4 * time.Second, true},
		{"the longest wait", time.Minute, 9, "", 8 * time.Second, true},
		{"an attempt far beyond", time.Minute, 100, "", 8 * time.Second, true},
		{"half of what is left", 3 * time.Second, 2, "", 1500 * time.Millisecond, true},
		{"too little is left", 300 * time.Millisecond, 0, "", none, false},
		{"nothing is left", -time.Second, 0, "", none, false},
		{"no deadline", 0, 0, "59", 59 * time.Second, true},
		{"no deadline, and a very long wait", 0, 0, "3600", none, false},
		{"no deadline, and too many attempts", 0, attemptsWithoutDeadline, "1", none, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			if c.left != 0 {
				bounded, cancel := context.WithTimeout(ctx, c.left)
				defer cancel()
				ctx = bounded
			}
			got, ok := Delay(ctx, c.attempt, http.Header{"Retry-After": {c.retryAfter}})
			require.Equal(t, c.ok, ok)
			if ok {
				assert.InDelta(t, c.want.Seconds(), got.Seconds(), 0.1)
			}
		})
	}
}

// busy is a server that answers with a status a number of times and then with the request's body.
func busy(t *testing.T, status, times int, retryAfter string) (url string, requests *int) {
	t.Helper()
	requests = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if *requests++; *requests <= times {
			w.Header().Set("Retry-After", retryAfter)
			w.WriteHeader(status)
			fmt.Fprint(w, "later")
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func TestAThrottledRequestIsSentAgain(t *testing.T) {
	cases := []struct {
		name          string
		status, times int
		retryAfter    string
		body          io.Reader
		want          string
		requests      int
		waited        float64
	}{
		{"429", 429, 1, "1", strings.NewReader("content"), "content", 2, 1},
		{"503 without Retry-After", 503, 1, "", strings.NewReader("content"), "content", 2, 1},
		{"502", 502, 1, "0", strings.NewReader("content"), "content", 2, 0.2},
		{"504", 504, 1, "0", strings.NewReader("content"), "content", 2, 0.2},
		{"twice", 429, 2, "0", strings.NewReader("content"), "content", 3, 0.4},
		{"a request without content", 429, 1, "0", nil, "", 2, 0.2},
		{"content that cannot be sent again", 429, 1, "0", io.MultiReader(strings.NewReader("content")), "later", 1, 0},
		{"a wait that does not fit", 429, 1, "60", strings.NewReader("content"), "later", 1, 0},
		{"an endless one", 429, 1000, "1", strings.NewReader("content"), "later", 5, 4},
		{"500 is a failure", 500, 1, "0", nil, "later", 1, 0},
		{"403 is a refusal", 403, 1, "0", nil, "later", 1, 0},
		{"200", 200, 1, "0", nil, "later", 1, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, requests := busy(t, c.status, c.times, c.retryAfter)
			var lines []string
			waits := &Waits{Say: func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }}
			ctx, cancel := context.WithTimeout(NewContext(t.Context(), waits), 4900*time.Millisecond)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, c.body)
			require.NoError(t, err)
			begin := time.Now()
			response, err := retryTransport{http.DefaultTransport}.RoundTrip(request)
			require.NoError(t, err)
			defer response.Body.Close()
			content, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(content))
			assert.Equal(t, c.requests, *requests)
			assert.GreaterOrEqual(t, time.Since(begin).Seconds(), c.waited)
			assert.InDelta(t, c.waited, waits.Total().Seconds(), 0.05)
			assert.Len(t, lines, c.requests-1)
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	address, _ := busy(t, 429, 1000, "5")
	stopped := errors.New("stopped")
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { stop(stopped) })
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	require.NoError(t, err)
	begin := time.Now()
	_, err = retryTransport{http.DefaultTransport}.RoundTrip(request)
	assert.ErrorIs(t, err, stopped)
	assert.Less(t, time.Since(begin), 4*time.Second)
}

func TestWaitsAtTheSameTimeCountOnce(t *testing.T) {
	var lines []string
	w := &Waits{Say: func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }}
	w.Announce("a.example", "429", time.Second)
	w.Announce("a.example", "429", time.Second)
	w.Announce("b.example", "503", 1500*time.Millisecond)
	w.Add(500 * time.Millisecond)
	assert.InDelta(t, 1.5, w.Total().Seconds(), 0.1)
	w.End()
	assert.InDelta(t, 0, w.Total().Seconds(), 0.1, "the waits were ended before they were over")
	w.End()
	assert.InDelta(t, 0, w.Total().Seconds(), 0.1)
	assert.Equal(t, []string{"registry throttled: waiting 1 s for a.example (429)", "registry throttled: waiting 1.5 s for b.example (503)"}, lines)

	var none *Waits
	none.Announce("a.example", "429", time.Second)
	none.Add(time.Second)
	none.End()
	assert.Zero(t, none.Total())
}
