// Package start starts a build of an AWS CodeBuild project with variables of its own, as the console's "Start build with
// overrides" does, follows its log and says how it ended.
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

// Account says which AWS account and region are meant. What is empty comes from the SDK's usual chain.
type Account struct{ Region, Profile string }

// Client calls CodeBuild and CloudWatch Logs in one account and region.
type Client struct {
	account Account
	builds  *codebuild.Client
	logs    *cloudwatchlogs.Client
	clock   clock
}

// Connect finds the region and the credentials.
func Connect(ctx context.Context, account Account) (*Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(account.Region), config.WithSharedConfigProfile(account.Profile))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return nil, errors.New("no AWS region: give --region, or set AWS_REGION")
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("no AWS credentials: sign in (`aws sso login`, `aws configure`), set AWS_PROFILE or give --profile: %w", err)
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

// clock is the time as a follower sees it.
type clock struct {
	now  func() time.Time
	wait func(context.Context, time.Duration)
}

// wait returns early when the context ends.
func wait(ctx context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// patience is how often a call is tried while a build is followed: over two minutes of a bad network or of throttling.
const patience = 12

// hasCode says that the error is AWS's answer with one of the codes.
func hasCode(err error, codes ...string) bool {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.ErrorCode() == code {
			return true
		}
	}
	return false
}

func isDenied(err error) bool { return hasCode(err, "AccessDeniedException", "AccessDenied") }

func isNotFound(err error) bool { return hasCode(err, "ResourceNotFoundException") }
