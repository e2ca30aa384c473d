package imagebuild

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/bundle"
)

// helperIdentifier names the secondary source; the buildspec finds the unpacked
// helper in $CODEBUILD_SRC_DIR_layercache.
const helperIdentifier = "layercache"

// builtHelpers compiles the helper for each architecture at most once in a
// process. Progress goes to standard error, where the CDK CLI passes it on.
var builtHelpers = map[Architecture]func() (string, error){
	AMD64: sync.OnceValues(func() (string, error) { return bundle.Build(context.Background(), string(AMD64), os.Stderr) }),
	ARM64: sync.OnceValues(func() (string, error) { return bundle.Build(context.Background(), string(ARM64), os.Stderr) }),
}

// helperZip returns the path of the zip with the helper and its builder.
func helperZip(props *ImageBuildProps) (string, *validation.Problem) {
	if props.HelperZip != nil {
		return *props.HelperZip, nil
	}
	path, err := builtHelpers[props.Architecture]()
	if err != nil {
		return "", &validation.Problem{
			Prop:  "HelperZip",
			Wrong: fmt.Sprintf("compiling the helper for linux/%s failed: %v", props.Architecture, err),
			Fix:   "see the compiler's lines above, or give the path of a zip that is already built",
		}
	}
	return path, nil
}

func checkHelperZip(zip *string) []validation.Problem {
	if zip == nil {
		return nil
	}
	if info, err := os.Stat(*zip); err == nil && info.Mode().IsRegular() {
		return nil
	}
	return []validation.Problem{{
		Prop:  "HelperZip",
		Wrong: fmt.Sprintf("%q is not a file", *zip),
		Fix:   "give the path of a zip with layercache and buildkitd, or leave the prop out to compile them",
	}}
}

// helperSource uploads the zip and makes it a source that CodeBuild unpacks by
// itself, with no command of the build spent on it.
func helperSource(scope constructs.Construct, role awsiam.IGrantable, zip string) awscodebuild.ISource {
	asset := awss3assets.NewAsset(scope, jsii.String("Helper"), &awss3assets.AssetProps{Path: absolute(zip)})
	grantObject(role, asset.Bucket(), asset.S3ObjectKey())
	return awscodebuild.Source_S3(&awscodebuild.S3SourceProps{
		Identifier: jsii.String(helperIdentifier),
		Bucket:     asset.Bucket(),
		Path:       asset.S3ObjectKey(),
	})
}
