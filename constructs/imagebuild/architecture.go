package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/jsii-runtime-go"
)

// Architecture is the processor architecture of the build machine, and so of
// the image that it builds.
type Architecture string

const (
	// AMD64 is x86_64.
	AMD64 Architecture = "amd64"
	// ARM64 is aarch64 (AWS Graviton).
	ARM64 Architecture = "arm64"
)

// The newest Amazon Linux 2023 images that CodeBuild curates. They are named by
// their ids, as the CDK's own lists end before them:
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html.
const (
	amd64Image = "aws/codebuild/amazonlinux-x86_64-standard:6.0"
	arm64Image = "aws/codebuild/amazonlinux-aarch64-standard:4.0"
)

func (a Architecture) buildImage() awscodebuild.IBuildImage {
	if a == ARM64 {
		return awscodebuild.LinuxArmBuildImage_FromCodeBuildImageId(jsii.String(arm64Image))
	}
	return awscodebuild.LinuxBuildImage_FromCodeBuildImageId(jsii.String(amd64Image))
}
