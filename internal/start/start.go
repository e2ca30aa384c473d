package start

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
)

// Request describes the build to start.
type Request struct {
	// Project is the name of a CodeBuild project, or of what it builds: the app or the image repository, with
	// or without the part before the last slash. Start fails with a list of the builds if it is empty.
	Project string
	// Variables override the project's variables of the same names.
	Variables []Variable
	// SourceVersion is a branch, tag, commit or pull request (pr/NUMBER); empty means the project's default.
	SourceVersion string
	// Batch selects a batch of builds or a single build; nil means a batch if the project is configured for
	// batches.
	Batch *bool
}

// Build is a build, or a batch of builds, that has been started.
type Build struct {
	// ID is its ID in CodeBuild's API, PROJECT:UUID.
	ID string
	// ARN is its Amazon resource name.
	ARN string
	// ConsoleURL is its page in the console; empty if the partition's console is not known.
	ConsoleURL string
	// Batch is true for a batch.
	Batch bool
}

// Start starts the build. An idempotency token ensures that a retried call does not start a second build.
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
	request.Project = aws.ToString(project.Name)
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
		return Build{}, fmt.Errorf("interrupted while starting project %s; the build may have started: %w", request.Project, context.Cause(ctx))
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
