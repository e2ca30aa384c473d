// Package throttle waits for servers that are too busy to answer. A registry that throttles a client answers
// 429, or 503 if it is overloaded, often with Retry-After; 502 and 504 come from a proxy before it. Such a
// request is tried again, as long as the wait fits into the deadline of its context.
package throttle

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const (
	// firstWait is the first wait if the server asks for none. Each further one is twice as long, up to
	// longestWait.
	firstWait, longestWait = time.Second, 8 * time.Second
	// shortestWait is the wait if the server asks for a shorter one, and the last one before a deadline if it
	// asks for none.
	shortestWait = 200 * time.Millisecond
	// waitWithoutDeadline and attemptsWithoutDeadline limit the waits of a request without a deadline.
	waitWithoutDeadline     = time.Minute
	attemptsWithoutDeadline = 8
	// maxErrorBody is the number of bytes that are read of an error.
	maxErrorBody = 64 << 10
)

// Throttles reports whether a status code asks the client to try again later.
func Throttles(code int) bool {
	switch code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Delay returns how long to wait before the next attempt; attempt counts from 0. A wait that the server asks
// for is kept. It returns false if the wait does not fit into the deadline of ctx.
func Delay(ctx context.Context, attempt int, header http.Header) (time.Duration, bool) {
	left := waitWithoutDeadline
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	} else if attempt >= attemptsWithoutDeadline {
		return 0, false
	}
	if asked, ok := retryAfter(header, time.Now()); ok {
		wait := max(asked, shortestWait)
		return wait, wait < left
	}
	wait := min(longestWait, firstWait<<min(attempt, 10), left/2)
	return wait, wait >= shortestWait
}

// retryAfter parses Retry-After: a number of seconds or a date.
//
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func retryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// Sleep waits, unless ctx ends before.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryTransport sends a request again when the server throttles it. It returns the server's last answer if
// another wait does not fit into the deadline of the request.
type retryTransport struct{ Inner http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t retryTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	for attempt := 0; ; attempt++ {
		response, err := t.Inner.RoundTrip(request)
		if err != nil || !Throttles(response.StatusCode) {
			return response, err
		}
		wait, ok := Delay(ctx, attempt, response.Header)
		again := request.Clone(ctx)
		if hasBody := request.Body != nil && request.Body != http.NoBody; !ok || hasBody && request.GetBody == nil {
			return response, nil
		} else if hasBody {
			if again.Body, err = request.GetBody(); err != nil {
				return response, nil
			}
		}
		// A connection can be used again once its answer has been read.
		_, _ = io.CopyN(io.Discard, response.Body, maxErrorBody)
		_ = response.Body.Close()
		FromContext(ctx).Announce(request.URL.Host, strconv.Itoa(response.StatusCode), wait)
		if err := Sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("wait for %s: %w", request.URL.Host, err)
		}
		request = again
	}
}

// Options returns the options with which requests to a registry wait when they are throttled.
func Options() []remote.Option {
	return []remote.Option{
		remote.WithTransport(retryTransport{remote.DefaultTransport}),
		// The library would try these again too, without the wait that the server asks for.
		remote.WithRetryStatusCodes(http.StatusRequestTimeout, http.StatusInternalServerError),
	}
}
