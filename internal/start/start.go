package start

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
)

// Request says what to start.
type Request struct {
	// Project is the name of a CodeBuild project.
	Project string
	// Variables take the place of the project's own of the same names.
	Variables []Variable
	// SourceVersion is a branch, tag, commit or pull request (pr/NUMBER); empty means the project's own.
	SourceVersion string
	// Batch says whether to start a batch of builds. Nil means: where the project is set up for batches.
	Batch *bool
}

// Build is a build, or a batch of builds, that has been started.
type Build struct {
	// ID is what CodeBuild's API calls it, PROJECT:UUID.
	ID string
	// ARN is its Amazon resource name.
	ARN string
	// ConsoleURL is its page in the console; empty where the partition's console is not known.
	ConsoleURL string
	// Batch says that it is a batch.
	Batch bool
}

// Start starts the build. A call that the network loses is repeated without starting a second build.
//
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
func (c *Client) Start(ctx context.Context, request Request) (Build, error) {
	project, err := c.project(ctx, request.Project)
	if err != nil {
		return Build{}, err
	}
	if err := checkSecrets(project, request.Variables); err != nil {
		return Build{}, err
	}
	isBatch := project.BuildBatchConfig != nil
	if request.Batch != nil {
		isBatch = *request.Batch
	}
	begin := c.startBuild
	if isBatch {
		begin = c.startBatch
	}
	build, err := begin(ctx, request)
	switch {
	case isNotFound(err):
		return Build{}, c.noProject(ctx, request.Project)
	case ctx.Err() != nil:
		return Build{}, fmt.Errorf("stopped while project %s was being started; it may have started: %w", request.Project, context.Cause(ctx))
	case err != nil:
		return Build{}, fmt.Errorf("start project %s in %s: %w", request.Project, c.account.Region, err)
	}
	build.Batch = isBatch
	build.ConsoleURL = consoleURL(build)
	return build, nil
}

func (c *Client) startBuild(ctx context.Context, request Request) (Build, error) {
	out, err := c.builds.StartBuild(ctx, &codebuild.StartBuildInput{
		ProjectName:                  &request.Project,
		EnvironmentVariablesOverride: overrides(request.Variables),
		SourceVersion:                optional(request.SourceVersion),
		IdempotencyToken:             aws.String(rand.Text()),
	})
	if err != nil {
		return Build{}, err
	}
	return Build{ID: aws.ToString(out.Build.Id), ARN: aws.ToString(out.Build.Arn)}, nil
}

func (c *Client) startBatch(ctx context.Context, request Request) (Build, error) {
	out, err := c.builds.StartBuildBatch(ctx, &codebuild.StartBuildBatchInput{
		ProjectName:                  &request.Project,
		EnvironmentVariablesOverride: overrides(request.Variables),
		SourceVersion:                optional(request.SourceVersion),
		IdempotencyToken:             aws.String(rand.Text()),
	})
	if err != nil {
		return Build{}, err
	}
	return Build{ID: aws.ToString(out.BuildBatch.Id), ARN: aws.ToString(out.BuildBatch.Arn)}, nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
