package deployment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Sender sends answers. The zero value is ready to use.
type Sender struct {
	// Client calls the response URL. The default is http.DefaultClient.
	Client *http.Client
	// FirstWait is the time before the second attempt, which doubles before each further one. The default is half a second.
	FirstWait time.Duration
}

const (
	// attempts is how often an answer is sent before Send gives up: for half a minute with the default wait.
	attempts = 7
	// attemptTimeout ends one attempt.
	attemptTimeout = 20 * time.Second
)

// Send sends the answer to the ticket's request, and tries again if that fails. The error does not contain the
// URL.
func (s Sender) Send(ctx context.Context, t Ticket, a Answer) error {
	wait := s.FirstWait
	if wait == 0 {
		wait = 500 * time.Millisecond
	}
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			select {
			case <-ctx.Done():
				return fmt.Errorf("answer CloudFormation: %w", errors.Join(context.Cause(ctx), err))
			case <-time.After(wait):
			}
			wait *= 2
		}
		if err = s.put(ctx, t.URL, a.body()); err == nil {
			return nil
		}
	}
	return fmt.Errorf("answer CloudFormation, which now waits until it times out: %w", err)
}

// put uploads the body to a signed URL of S3. The signature allows no Content-Type.
func (s Sender) put(ctx context.Context, address string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the response URL is not a URL")
	}
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		// The text of an *url.Error has the URL.
		if failed := (*url.Error)(nil); errors.As(err, &failed) {
			return failed.Err
		}
		return errors.New("the request failed")
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the response URL returned %s", response.Status)
	}
	return nil
}
