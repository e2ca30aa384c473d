// Package start starts a build of an AWS CodeBuild project with overridden variables, like the console's
// "Start build with overrides", follows its log and reports how it ended.
package start

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/smithy-go"
)

// Account selects an AWS region and profile. Empty fields come from the SDK's default chain.
type Account struct{ Region, Profile string }

// Client calls CodeBuild and CloudWatch Logs in one account and region.
type Client struct {
	account Account
	builds  *codebuild.Client
	logs    *cloudwatchlogs.Client
	clock   clock
}

// Connect finds the region and the credentials, and returns a client. The error names what is missing.
func Connect(ctx context.Context, account Account) (*Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(account.Region), config.WithSharedConfigProfile(account.Profile))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return nil, errors.New("no AWS region: set it with --region or AWS_REGION")
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("no AWS credentials: sign in (`aws sso login`, `aws configure`), or choose a profile with --profile or AWS_PROFILE: %w", err)
	}
	account.Region = loaded.Region
	return newClient(loaded, account, clock{now: time.Now, wait: wait}), nil
}

func newClient(loaded aws.Config, account Account, clock clock) *Client {
	return &Client{
		account: account,
		builds:  codebuild.NewFromConfig(loaded),
		logs:    cloudwatchlogs.NewFromConfig(loaded),
		clock:   clock,
	}
}

// clock is the source of time; tests replace it.
type clock struct {
	now  func() time.Time
	wait func(context.Context, time.Duration)
}

// wait waits for the duration, or until the context ends.
func wait(ctx context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// maxAttempts is how often a call is tried while following a build. With the SDK's backoff this bridges more
// than two minutes of network failure or throttling.
const maxAttempts = 12

// hasCode reports whether the error is a response of AWS with one of the codes.
func hasCode(err error, codes ...string) bool {
	var response smithy.APIError
	if !errors.As(err, &response) {
		return false
	}
	for _, code := range codes {
		if response.ErrorCode() == code {
			return true
		}
	}
	return false
}

func isDenied(err error) bool { return hasCode(err, "AccessDeniedException", "AccessDenied") }

func isNotFound(err error) bool { return hasCode(err, "ResourceNotFoundException") }
