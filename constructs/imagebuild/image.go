package imagebuild

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapprunner"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrname"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

// imageRepository returns the repository of the image, a new one if the props give none.
func (b *ImageBuild) imageRepository() awsecr.IRepository {
	image := b.options.image
	switch {
	case image.repository != nil:
		return image.repository
	case image.name == nil && b.options.bake.enabled:
		return b.options.bake.firstImage()
	}
	return b.newImageRepository("Image", image.name)
}

// newImageRepository makes a repository for images. A nil name leaves it to CloudFormation. CloudFormation keeps the
// repository, except if it rolls back the deployment that creates it: what stays would block the next deployment under
// the same name.
func (b *ImageBuild) newImageRepository(id string, name *string) awsecr.IRepository {
	repository := awsecr.NewRepository(b, &id, &awsecr.RepositoryProps{
		RepositoryName:     name,
		EncryptionKey:      b.options.encryptionKey,
		ImageScanOnPush:    jsii.Bool(true),
		ImageTagMutability: awsecr.TagMutability_MUTABLE,
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
	policy, _ := lifecycle.Render("ImageRules", lifecycle.ImageRules())
	cfn := repository.Node().DefaultChild().(awsecr.CfnRepository)
	cfn.SetLifecyclePolicy(&awsecr.CfnRepository_LifecyclePolicyProperty{LifecyclePolicyText: jsii.String(policy)})
	if b.options.deploy != nil {
		// The deployment that is rolled back has pushed an image. It is not a prop of awsecr.Repository, which
		// allows it only with RemovalPolicy_DESTROY.
		cfn.SetEmptyOnDelete(jsii.Bool(true))
	}
	b.shared.Holds(repository)
	return repository
}

// appName returns the first part of the cache's tags. id is the id of the construct, in which the CDK
// replaces slashes.
func (b *ImageBuild) appName(id string) *string {
	image := b.options.image
	switch {
	case image.app != nil:
		return image.app
	case image.repository == nil && validation.IsLiteral(image.name):
		return jsii.String(path.Base(*image.name))
	}
	if image.repository != nil && !b.options.bake.enabled { // No image's name is that of all targets.
		if name := ecrname.Literal(image.repository); name != "" {
			return jsii.String(path.Base(name))
		}
	}
	if !strings.Contains(id, "/") {
		return &id
	}
	return b.Node().Id()
}

// tagForm is the form of a tag in the OCI distribution specification.
var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// tagWords replaces the words that stand for values of the running build.
var tagWords = strings.NewReplacer("{commit}", "c", "{branch}", "b", "{build}", "1")

func checkTags(problems *validation.Problems, prop string, tags []string) {
	if len(tags) == 0 {
		problems.Add(prop, "is empty", "give a tag, or leave it out")
	}
	for i, tag := range tags {
		if validation.IsLiteral(&tag) && !tagForm.MatchString(tagWords.Replace(tag)) {
			problems.Add(fmt.Sprintf("%s[%d]", prop, i), fmt.Sprintf("%q has the wrong form", tag),
				"use at most 128 letters, digits, '.', '_' and '-', and the words {commit}, {branch} and {build}")
		}
	}
}

var profileForm = regexp.MustCompile(`^arn:aws(?:-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:/signing-profiles/[A-Za-z0-9_]{2,64}$`)

// checkSigningProfiles refuses wildcards too: who may sign with every profile can sign for everybody.
func checkSigningProfiles(problems *validation.Problems, profiles []string) {
	for i, profile := range profiles {
		if validation.IsLiteral(&profile) && !profileForm.MatchString(profile) {
			problems.Add(fmt.Sprintf("SigningProfiles[%d]", i), fmt.Sprintf("%q is not the ARN of a signing profile", profile),
				"give one such as arn:aws:signer:eu-west-1:111122223333:/signing-profiles/NAME, without a version")
		}
	}
}

// grantSigning lets the role sign what it pushes. The permissions to push the signature are those to push the
// image: https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html.
func grantSigning(role awsiam.IGrantable, profiles []string) {
	if len(profiles) == 0 {
		return
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("signer:SignPayload"),
		ResourceArns: stringPointers(profiles),
	})
}

// repositoryNames are the names of cache repositories, which every build of a stack compares with its own.
var repositoryNames perstack.Memo[awsecr.IRepository, string]

// checkImageIsNotCache refuses one repository for images and caches.
func checkImageIsNotCache(problems *validation.Problems, shared *perstack.Shared, r *resolved) {
	if r.cache.repository == nil {
		return
	}
	cache := r.cache.repository.Repository()
	prop, same := "Image", false
	switch {
	case r.image.repository != nil:
		same = ecrname.Same(r.image.repository, cache)
	case validation.IsLiteral(r.image.name):
		name := repositoryNames.Get(shared, cache, func() string { return ecrname.Literal(cache) })
		prop, same = "ImageName", *r.image.name == name
	}
	if same {
		problems.Add(prop, "is the cache repository: pushing the image would overwrite the cache", "use a separate repository for the images")
	}
}

// isReleaseRepository reports whether the repository is the one that releases are pushed to.
func (i imageOptions) isReleaseRepository(repository awsecr.IRepository) bool {
	if i.repository != nil {
		return ecrname.Same(repository, i.repository)
	}
	return validation.IsLiteral(i.name) && ecrname.Literal(repository) == *i.name
}

// ImageUri returns HOST/NAME:TAG or HOST/NAME@DIGEST for tagOrDigest, such as "v1" or "sha256:…". If it is
// nil, ImageUri uses the digest of the image that the deployment builds (BuildOnDeploy), or else the first of Tags
// without a word in braces, or "latest".
func (b *ImageBuild) ImageUri(tagOrDigest *string) *string {
	return b.image.RepositoryUriForTagOrDigest(b.tagOrDigest(tagOrDigest))
}

// ContainerImage returns the image for a task of Amazon ECS and lets the task's execution role pull it.
// tagOrDigest is as in ImageUri.
func (b *ImageBuild) ContainerImage(tagOrDigest *string) awsecs.ContainerImage {
	return awsecs.ContainerImage_FromEcrRepository(b.image, b.tagOrDigest(tagOrDigest))
}

// DockerImageCode returns the image for an awslambda.DockerImageFunction, and makes release builds push it in
// the form that AWS Lambda accepts: without attestations and with gzip layers. Props that prevent this are
// errors. tagOrDigest is as in ImageUri. AWS Lambda resolves a tag only when the function is deployed, and the
// image has to exist then.
func (b *ImageBuild) DockerImageCode(tagOrDigest *string) awslambda.DockerImageCode {
	b.prepareForLambda(tagOrDigest)
	return awslambda.DockerImageCode_FromEcr(b.image, &awslambda.EcrImageCodeProps{TagOrDigest: b.tagOrDigest(tagOrDigest)})
}

// EcrImageCode returns the image for an awslambda.Function with the handler and runtime of the image. The form
// of the image and tagOrDigest are as in DockerImageCode.
func (b *ImageBuild) EcrImageCode(tagOrDigest *string) awslambda.EcrImageCode {
	b.prepareForLambda(tagOrDigest)
	return awslambda.Code_FromEcrImage(b.image, &awslambda.EcrImageCodeProps{TagOrDigest: b.tagOrDigest(tagOrDigest)})
}

// AppRunnerImage returns the image for an awsapprunner.CfnService. tagOrDigest is as in ImageUri. Let the
// service's access role pull it with Image().GrantPull.
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
	if b.deployed != nil {
		return b.deployed.byDigest
	}
	for _, tag := range b.options.image.tags {
		if !strings.Contains(tag, "{") {
			return &tag
		}
	}
	return jsii.String("latest")
}
