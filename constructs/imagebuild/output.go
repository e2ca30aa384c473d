package imagebuild

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapprunner"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// ImageUri is HOST/NAME:TAG or HOST/NAME@DIGEST, for tagOrDigest, such as "v1"
// or "sha256:…". With nil it is the first of Tags that has no word in it, or
// "latest".
func (b *ImageBuild) ImageUri(tagOrDigest *string) *string {
	return b.image.RepositoryUriForTagOrDigest(b.tagOrDigest(tagOrDigest))
}

// ContainerImage is the image for a task of Amazon ECS; tagOrDigest is as in
// ImageUri. The task's execution role is let pull it.
func (b *ImageBuild) ContainerImage(tagOrDigest *string) awsecs.ContainerImage {
	return awsecs.ContainerImage_FromEcrRepository(b.image, b.tagOrDigest(tagOrDigest))
}

// DockerImageCode is the image for an awslambda.DockerImageFunction;
// tagOrDigest is as in ImageUri. AWS Lambda takes the image when the function
// is deployed, and looks at no tag again.
func (b *ImageBuild) DockerImageCode(tagOrDigest *string) awslambda.DockerImageCode {
	return awslambda.DockerImageCode_FromEcr(b.image, &awslambda.EcrImageCodeProps{TagOrDigest: b.tagOrDigest(tagOrDigest)})
}

// EcrImageCode is the image for an awslambda.Function whose handler and runtime
// are those from the image; tagOrDigest is as in ImageUri.
func (b *ImageBuild) EcrImageCode(tagOrDigest *string) awslambda.EcrImageCode {
	return awslambda.Code_FromEcrImage(b.image, &awslambda.EcrImageCodeProps{TagOrDigest: b.tagOrDigest(tagOrDigest)})
}

// AppRunnerImage is the image for a awsapprunner.CfnService; tagOrDigest is as
// in ImageUri. The service's access role has to be let pull it: Image().GrantPull.
func (b *ImageBuild) AppRunnerImage(tagOrDigest *string) *awsapprunner.CfnService_ImageRepositoryProperty {
	return &awsapprunner.CfnService_ImageRepositoryProperty{
		ImageIdentifier:     b.ImageUri(tagOrDigest),
		ImageRepositoryType: jsii.String("ECR"),
	}
}

func (b *ImageBuild) tagOrDigest(given *string) *string {
	if given != nil {
		return given
	}
	for _, tag := range b.tags {
		if !strings.Contains(tag, "{") {
			return &tag
		}
	}
	return jsii.String("latest")
}
