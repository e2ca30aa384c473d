package function

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/variables"
)

// start starts the build that pushes the image under the tag, and returns its id. A repeated request starts
// no second one.
func (f *Function) start(ctx context.Context, r Request, tag string) (string, error) {
	p := r.ResourceProperties
	overrides := []types.EnvironmentVariable{
		{Name: aws.String("LAYERCACHE_TAGS"), Value: aws.String(p.Tags + "," + tag), Type: types.EnvironmentVariableTypePlaintext},
		{Name: aws.String(variables.Ticket), Value: aws.String(deployment.ParameterOf(p.Project)), Type: types.EnvironmentVariableTypeParameterStore},
	}
	var version *string
	if p.SourceVersion != "" {
		version = &p.SourceVersion
	}
	queued, timeout := minutes(p.QueuedTimeoutInMinutes), minutes(p.TimeoutInMinutes)
	if p.isBatch() {
		out, err := f.builds.StartBuildBatch(ctx, &codebuild.StartBuildBatchInput{
			ProjectName: &p.Project, EnvironmentVariablesOverride: overrides, SourceVersion: version, IdempotencyToken: &r.RequestId,
			QueuedTimeoutInMinutesOverride: queued, BuildTimeoutInMinutesOverride: timeout,
		})
		if err != nil {
			return "", fmt.Errorf("start the builds of project %s: %w", p.Project, err)
		}
		return aws.ToString(out.BuildBatch.Id), nil
	}
	out, err := f.builds.StartBuild(ctx, &codebuild.StartBuildInput{
		ProjectName: &p.Project, EnvironmentVariablesOverride: overrides, SourceVersion: version, IdempotencyToken: &r.RequestId,
		QueuedTimeoutInMinutesOverride: queued, TimeoutInMinutesOverride: timeout,
	})
	if err != nil {
		return "", fmt.Errorf("start a build of project %s: %w", p.Project, err)
	}
	return aws.ToString(out.Build.Id), nil
}

// minutes returns a timeout, or nil for that of the project.
func minutes(property string) *int32 {
	n, err := strconv.ParseInt(property, 10, 32)
	if err != nil {
		return nil
	}
	return aws.Int32(int32(n))
}

// stop stops a build, or a batch of builds. It is no error if the build has ended, or is not known any more.
func (f *Function) stop(ctx context.Context, id string, batch bool) error {
	var err error
	if batch {
		_, err = f.builds.StopBuildBatch(ctx, &codebuild.StopBuildBatchInput{Id: &id})
	} else {
		_, err = f.builds.StopBuild(ctx, &codebuild.StopBuildInput{Id: &id})
	}
	missing, ended := (*types.ResourceNotFoundException)(nil), (*types.InvalidInputException)(nil)
	if err == nil || errors.As(err, &missing) || errors.As(err, &ended) {
		return nil
	}
	return fmt.Errorf("stop build %s: %w", id, err)
}

// build is what a build that ended says.
type build struct {
	id string
	// batch is the ARN of the batch that the build is part of, if inBatch.
	batch     string
	inBatch   bool
	succeeded bool
	// why says what failed, and place where to read more.
	why, place string
	// verdict is what the cache did.
	verdict string
	// digest is the digest of the image that it pushed; empty if it pushed none.
	digest string
}

// isOf reports whether the build has the id, or is part of the batch with the id.
func (b build) isOf(id string) bool {
	return b.id == id || b.inBatch && strings.HasSuffix(b.batch, "/"+id)
}

// build returns the build with the ARN or id.
func (f *Function) build(ctx context.Context, arn string) (build, error) {
	id := arn[strings.LastIndex(arn, "/")+1:]
	out, err := f.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
	if err != nil {
		return build{}, fmt.Errorf("read build %s: %w", id, err)
	}
	if len(out.Builds) != 1 {
		return build{}, fmt.Errorf("CodeBuild has no build %s", id)
	}
	of := out.Builds[0]
	b := build{
		id: id, batch: aws.ToString(of.BuildBatchArn), inBatch: of.BuildBatchArn != nil,
		succeeded: of.BuildStatus == types.StatusTypeSucceeded, why: reason(of), verdict: "the image was built",
	}
	if of.Logs != nil {
		b.place = aws.ToString(of.Logs.DeepLink)
	}
	for _, exported := range of.ExportedEnvironmentVariables {
		switch value := aws.ToString(exported.Value); aws.ToString(exported.Name) {
		case "LAYERCACHE_VERDICT":
			if value != "" {
				b.verdict = "cache " + strings.ReplaceAll(value, "-", " ")
			}
		case "LAYERCACHE_IMAGE_DIGEST":
			b.digest = value
		}
	}
	return b, nil
}

// endings are the statuses of builds that did not succeed, as words that follow the build's id.
var endings = map[types.StatusType]string{
	types.StatusTypeFailed: "failed", types.StatusTypeFault: "ended with an internal error of CodeBuild",
	types.StatusTypeTimedOut: "timed out", types.StatusTypeStopped: "was stopped",
}

// reason returns why the build did not succeed.
func reason(of types.Build) string {
	ending := endings[of.BuildStatus]
	if ending == "" {
		ending = "ended with status " + string(of.BuildStatus)
	}
	parts := []string{fmt.Sprintf("build %s %s", aws.ToString(of.Id), ending)}
	for _, phase := range of.Phases {
		said := len(parts)
		for _, problem := range phase.Contexts {
			if aws.ToString(problem.Message) != "" {
				parts = append(parts, fmt.Sprintf("%s: %s", phase.PhaseType, *problem.Message))
			}
		}
		if phase.PhaseStatus == types.StatusTypeTimedOut && len(parts) == said {
			parts = append(parts, fmt.Sprintf("%s: timed out", phase.PhaseType))
		}
	}
	return strings.Join(parts, "\n")
}

// digest returns the digest of the image HOST/NAME:TAG, or "" if there is none.
func (f *Function) digest(ctx context.Context, image, tag string) (string, error) {
	host, name, _ := strings.Cut(image, "/")
	account, _, _ := strings.Cut(host, ".")
	out, err := f.images.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId: &account, RepositoryName: &name, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: &tag}},
	})
	if missing := (*ecrtypes.ImageNotFoundException)(nil); errors.As(err, &missing) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for the image %s:%s: %w", image, tag, err)
	}
	if len(out.ImageDetails) == 0 {
		return "", nil
	}
	return aws.ToString(out.ImageDetails[0].ImageDigest), nil
}
