package ecr

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/layercache/layercache/internal/registry/throttle"
)

// retryer makes the SDK try a throttled call again as long as the context allows, instead of three times
// within about a second, and wait as Retry-After says, which the SDK does not read. Other errors are tried
// again as the SDK does by default.
type retryer struct {
	*retry.Standard
	ctx context.Context
}

func newRetryer(ctx context.Context) aws.Retryer {
	standard := retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = append(o.Retryables, retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusTooManyRequests: {}}})
	})
	return retryer{standard, ctx}
}

// MaxAttempts returns 0, no limit: RetryDelay ends the attempts.
func (retryer) MaxAttempts() int { return 0 }

// RetryDelay returns how long to wait after the attempt, which counts from 1. An error ends the call.
func (r retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	header, throttled := throttledBy(err)
	if !throttled {
		if attempt >= retry.DefaultMaxAttempts {
			return 0, &retry.MaxAttemptsError{Attempt: attempt, Err: err}
		}
		return r.Standard.RetryDelay(attempt, err)
	}
	wait, ok := throttle.Delay(r.ctx, attempt-1, header)
	if !ok {
		return 0, err
	}
	throttle.FromContext(r.ctx).Announce("AWS", "sign-in", wait)
	return wait, nil
}

// throttledBy reports whether the error of a call is throttling, and returns the header of the answer.
func throttledBy(err error) (http.Header, bool) {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil {
		return nil, false
	}
	byCode := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}.IsErrorThrottle(err) == aws.TrueTernary
	return response.Response.Header, byCode || throttle.Throttles(response.HTTPStatusCode())
}
