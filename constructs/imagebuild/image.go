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
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

func newImageRepository(scope constructs.Construct, r *resolved) awsecr.IRepository {
	repository := awsecr.NewRepository(scope, jsii.String("Image"), &awsecr.RepositoryProps{
		RepositoryName:     r.image.name,
		EncryptionKey:      r.encryptionKey,
		ImageScanOnPush:    jsii.Bool(true),
		ImageTagMutability: awsecr.TagMutability_MUTABLE,
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	})
	policy, _ := lifecycle.Render("ImageRules", lifecycle.ImageRules())
	repository.Node().DefaultChild().(awsecr.CfnRepository).SetLifecyclePolicy(
		&awsecr.CfnRepository_LifecyclePolicyProperty{LifecyclePolicyText: jsii.String(policy)})
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
	if image.repository != nil {
		if name := literalName(image.repository); name != "" {
			return jsii.String(path.Base(name))
		}
	}
	if !strings.Contains(id, "/") {
		return &id
	}
	return b.Node().Id()
}

// literalName returns the name of a repository if it is known at synthesis: the name of an imported
// repository, or the physical name of a new one. Otherwise it returns "".
func literalName(repository awsecr.IRepository) string {
	name := repository.RepositoryName()
	if cfn, ok := repository.Node().DefaultChild().(awsecr.CfnRepository); ok {
		name = cfn.RepositoryName()
	}
	if !validation.IsLiteral(name) {
		return ""
	}
	return *name
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
		same = sameRepository(r.image.repository, cache)
	case validation.IsLiteral(r.image.name):
		name := repositoryNames.Get(shared, cache, func() string { return literalName(cache) })
		prop, same = "ImageName", *r.image.name == name
	}
	if same {
		problems.Add(prop, "is the cache repository: pushing the image would overwrite the cache", "use a separate repository for the images")
	}
}

// isReleaseRepository reports whether the repository is the one that releases are pushed to.
func (i imageOptions) isReleaseRepository(repository awsecr.IRepository) bool {
	if i.repository != nil {
		return sameRepository(repository, i.repository)
	}
	return validation.IsLiteral(i.name) && literalName(repository) == *i.name
}

// sameRepository reports whether two repositories are one construct, or have the same name and are not known
// to be in different registries.
func sameRepository(a, b awsecr.IRepository) bool {
	if *a.Node().Path() == *b.Node().Path() {
		return true
	}
	name := literalName(a)
	if name == "" || name != literalName(b) {
		return false
	}
	registryA, registryB := registryHost(a), registryHost(b)
	return registryA == "" || registryB == "" || registryA == registryB
}

var registryForm = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.`)

// registryHost returns the account and region at the start of the repository's URI, or "" if they are not
// known at synthesis.
func registryHost(repository awsecr.IRepository) string {
	uri := awscdk.Stack_Of(repository).Resolve(repository.RepositoryUri())
	if object, ok := uri.(map[string]any); ok {
		if join, ok := object["Fn::Join"].([]any); ok && len(join) == 2 {
			if parts, ok := join[1].([]any); ok && len(parts) > 0 {
				uri = parts[0]
			}
		}
	}
	text, _ := uri.(string)
	return registryForm.FindString(text)
}

// ImageUri returns HOST/NAME:TAG or HOST/NAME@DIGEST for tagOrDigest, such as "v1" or "sha256:…". If it is
// nil, ImageUri uses the first of Tags without a word in braces, or "latest".
func (b *ImageBuild) ImageUri(tagOrDigest *string) *string {
	return b.image.RepositoryUriForTagOrDigest(b.tagOrDigest(tagOrDigest))
}

// ContainerImage returns the image for a task of Amazon ECS and lets the task's execution role pull it.
// tagOrDigest is as in ImageUri.
func (b *ImageBuild) ContainerImage(tagOrDigest *string) awsecs.ContainerImage {
	return awsecs.ContainerImage_FromEcrRepository(b.image, b.tagOrDigest(tagOrDigest))
}

// DockerImageCode returns the image for an awslambda.DockerImageFunction. tagOrDigest is as in ImageUri. AWS
// Lambda resolves a tag only when the function is deployed.
func (b *ImageBuild) DockerImageCode(tagOrDigest *string) awslambda.DockerImageCode {
	return awslambda.DockerImageCode_FromEcr(b.image, &awslambda.EcrImageCodeProps{TagOrDigest: b.tagOrDigest(tagOrDigest)})
}

// EcrImageCode returns the image for an awslambda.Function with the handler and runtime of the image.
// tagOrDigest is as in ImageUri.
func (b *ImageBuild) EcrImageCode(tagOrDigest *string) awslambda.EcrImageCode {
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
	for _, tag := range b.options.image.tags {
		if !strings.Contains(tag, "{") {
			return &tag
		}
	}
	return jsii.String("latest")
}
