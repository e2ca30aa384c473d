package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/layercache/layercache/internal/deployment"
)

// rollOut rolls the image of a build out to one service or function, if the tag names this image.
func (f *Function) rollOut(ctx context.Context, r deployment.RollOut) error {
	b, err := f.build(ctx, r.Build)
	if err != nil {
		return err
	}
	err = f.checkTag(ctx, r, b.digest)
	switch {
	case err != nil:
	case r.Service != "":
		err = f.rollOutToService(ctx, r)
	default:
		err = f.rollOutToFunction(ctx, r, b.digest)
	}
	switch {
	case errors.Is(err, errOtherImage):
		f.log.Printf("build %s: nothing to roll out to %s: %s:%s is not its image", b.id, r.Consumer(), r.Image, r.Tag)
		return nil
	case err != nil:
		return fmt.Errorf("build %s: image %s is not rolled out to %s: %w", b.id, b.digest, r.Consumer(), err)
	}
	f.log.Printf("build %s: rolled out image %s to %s", b.id, b.digest, r.Consumer())
	return nil
}

// errOtherImage is the error of checkTag for a build of one platform, of other tags or without a push, or one that a later
// build overtook.
var errOtherImage = errors.New("the tag names another image")

// checkTag returns errOtherImage unless the tag names the image.
func (f *Function) checkTag(ctx context.Context, r deployment.RollOut, digest string) error {
	named, err := f.digest(ctx, r.Image, r.Tag)
	if err == nil && (named == "" || named != digest) {
		return errOtherImage
	}
	return err
}

// rollOutToService starts a deployment of the service. Amazon ECS resolves the tag in its task definition again.
func (f *Function) rollOutToService(ctx context.Context, r deployment.RollOut) error {
	_, err := f.services.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &r.Cluster, Service: &r.Service, ForceNewDeployment: true})
	return err
}

// rollOutToFunction gives the function the image, and makes the alias, if there is one, name a version with it.
func (f *Function) rollOutToFunction(ctx context.Context, r deployment.RollOut, digest string) error {
	var revision *string
	if r.Alias != "" {
		alias, err := f.functions.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &r.Function, Name: &r.Alias})
		if err != nil {
			return err
		}
		if aws.ToString(alias.FunctionVersion) == latestVersion {
			return errors.New("the alias names $LATEST, which gets the image without it; roll out to the function instead")
		}
		revision = alias.RevisionId
	}
	current, err := f.settled(ctx, r.Function, nil)
	if err != nil {
		return err
	}
	if current.PackageType != types.PackageTypeImage {
		return errors.New("the code of the function is a zip file; create the function from an image")
	}
	// A later build may have pushed meanwhile. If its roll-out comes first from here on, the revision is another.
	if err := f.checkTag(ctx, r, digest); err != nil {
		return err
	}
	updated, err := f.functions.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
		FunctionName: &r.Function, ImageUri: aws.String(r.Image + "@" + digest), RevisionId: current.RevisionId,
	})
	if err != nil {
		return err
	}
	if current, err = f.settled(ctx, r.Function, nil); err != nil {
		return err
	}
	if current.LastUpdateStatus == types.LastUpdateStatusFailed {
		return fmt.Errorf("the update failed: %s", aws.ToString(current.LastUpdateStatusReason))
	}
	if r.Alias == "" {
		return nil
	}
	return f.moveAlias(ctx, r, updated.CodeSha256, revision)
}

// latestVersion is the version that is not published.
const latestVersion = "$LATEST"

// moveAlias publishes a version of the code and makes the alias name it, if nobody has changed the alias since
// the revision.
func (f *Function) moveAlias(ctx context.Context, r deployment.RollOut, code, revision *string) error {
	published, err := f.functions.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: &r.Function, CodeSha256: code})
	if err != nil {
		return err
	}
	version, err := f.settled(ctx, r.Function, published.Version)
	if err != nil {
		return err
	}
	if version.State == types.StateFailed {
		return fmt.Errorf("version %s failed: %s", aws.ToString(published.Version), aws.ToString(version.StateReason))
	}
	_, err = f.functions.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: &r.Function, Name: &r.Alias, FunctionVersion: published.Version, RevisionId: revision})
	return err
}

// pollInterval is the time between two looks at a function that is being updated.
const pollInterval = 2 * time.Second

// settled waits until the function, or a version of it, is not being updated, and returns its configuration. The
// waiter of the SDK would refuse a function whose previous update failed, and would not say why an update failed.
func (f *Function) settled(ctx context.Context, name string, version *string) (*lambda.GetFunctionConfigurationOutput, error) {
	for {
		c, err := f.functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name, Qualifier: version})
		if err != nil {
			return nil, err
		}
		if c.State != types.StatePending && c.LastUpdateStatus != types.LastUpdateStatusInProgress {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("it is still being updated: %w", context.Cause(ctx))
		case <-time.After(f.pollInterval):
		}
	}
}
