package stacks

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

// BuildStackProps are the props of a BuildStack.
type BuildStackProps struct {
	awscdk.StackProps

	// Cache identifies the cache repository, which may be in another account. It is imported by name, without
	// a CloudFormation export.
	Cache *cacherepo.CacheRepositoryAttributes

	// PullRequestCache identifies the cache repository that builds of pull requests write, for builds that
	// set PullRequests. They read Cache.
	// Default: none; builds of pull requests write no cache.
	PullRequestCache *cacherepo.CacheRepositoryAttributes

	// PullThrough are the props of the pull-through cache.
	// Default: ExistingPullThrough.
	PullThrough *pullthrough.PullThroughCacheProps

	// ExistingPullThrough identifies rules of a pull-through cache that another stack creates in the account and
	// region. They are imported by name, without a CloudFormation export.
	// Default: no pull-through cache.
	ExistingPullThrough *pullthrough.PullThroughCacheAttributes

	// UpstreamSecrets are the names or ARNs of secrets in the account and region of the stack, by registry of
	// PullThrough.
	// Default: none.
	UpstreamSecrets map[string]string

	// Prewarm pulls images through PullThrough. The stack sets its PullThrough.
	// Default: nothing is pulled in advance.
	Prewarm *pullthrough.PrewarmProps

	// Builds are the images to build, by construct id. The stack sets their Cache, unless another CacheMode
	// needs none, and PullThrough.
	Builds map[string]imagebuild.ImageBuildProps

	// names are the names of props in the messages of the constructs, if a configuration sets the props.
	names map[string]validation.Names
	// addImports sets the props of a build that are imported into the stack; nil if there are none.
	addImports func(scope constructs.Construct, name string, props *imagebuild.ImageBuildProps)
	// rollOuts are by construct id.
	rollOuts map[string]*RollOutConfig
}

// BuildStack contains image builds of one account and region, and the pull-through cache rules there unless
// another stack has them.
type BuildStack struct {
	awscdk.Stack
	builds map[string]*imagebuild.ImageBuild
}

// NewBuildStack creates the stack.
func NewBuildStack(scope constructs.Construct, id *string, props *BuildStackProps) *BuildStack {
	s := &BuildStack{builds: map[string]*imagebuild.ImageBuild{}}
	if props == nil {
		props = &BuildStackProps{}
	}
	awscdk.NewStack_Override(s, scope, id, &props.StackProps)
	if props.names != nil {
		validation.SetNames(s.Stack, props.names)
	}
	cache := cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("Cache"), props.Cache)
	var baseImages pullthrough.IPullThroughCache
	switch {
	case props.PullThrough != nil:
		baseImages = pullthrough.NewPullThroughCache(s, jsii.String("PullThrough"), s.withSecrets(props))
	case props.ExistingPullThrough != nil:
		baseImages = pullthrough.PullThroughCache_FromPullThroughCacheAttributes(s, jsii.String("PullThrough"), props.ExistingPullThrough)
	}
	if props.Prewarm != nil {
		prewarm := *props.Prewarm
		prewarm.PullThrough = baseImages
		pullthrough.NewPrewarm(s, jsii.String("Prewarm"), &prewarm)
	}
	var pullRequestCache cacherepo.ICacheRepository
	if props.PullRequestCache != nil {
		pullRequestCache = cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("PullRequestCache"), props.PullRequestCache)
	}
	for _, name := range slices.Sorted(maps.Keys(props.Builds)) {
		build := props.Builds[name]
		build.PullThrough = baseImages
		keepsRepository := build.CacheMode == "" || build.CacheMode == imagebuild.RegistryCache
		if keepsRepository {
			build.Cache = cache
		}
		if props.addImports != nil {
			props.addImports(constructs.NewConstruct(s, jsii.String("Imports-"+name)), name, &build)
		}
		if build.PullRequests != nil && pullRequestCache != nil && keepsRepository {
			pullRequests := *build.PullRequests
			pullRequests.Cache = pullRequestCache
			build.PullRequests = &pullRequests
		}
		s.addBuild(name, &build)
		if rollOut := props.rollOuts[name]; rollOut != nil {
			rollOut.rollOut(constructs.NewConstruct(s, jsii.String("Consumers-"+name)), s.builds[name])
		}
	}
	return s
}

// withSecrets returns the props of the pull-through cache with the secrets of its upstreams.
func (s *BuildStack) withSecrets(props *BuildStackProps) *pullthrough.PullThroughCacheProps {
	own := *props.PullThrough
	if own.Upstreams == nil || len(props.UpstreamSecrets) == 0 {
		return &own
	}
	var upstreams []*pullthrough.Upstream
	for _, u := range *own.Upstreams {
		if name, ok := props.UpstreamSecrets[string(u.Registry)]; ok {
			with := *u
			with.Secret = s.secret("Secret-"+string(u.Registry), name)
			u = &with
		}
		upstreams = append(upstreams, u)
	}
	own.Upstreams = &upstreams
	return &own
}

// secret imports a secret by its name, or by its ARN with or without the suffix that Secrets Manager adds.
// The rule gets an ARN as it is: a name can end like a suffix, so the two forms cannot be told apart.
func (s *BuildStack) secret(id, nameOrARN string) awssecretsmanager.ISecret {
	if strings.HasPrefix(nameOrARN, "arn:") {
		return awssecretsmanager.Secret_FromSecretPartialArn(s, &id, &nameOrARN)
	}
	return awssecretsmanager.Secret_FromSecretNameV2(s, &id, &nameOrARN)
}

func (s *BuildStack) addBuild(name string, props *imagebuild.ImageBuildProps) {
	build := imagebuild.NewImageBuild(s, jsii.String(name), props)
	s.builds[name] = build
	awscdk.NewCfnOutput(build, jsii.String("ProjectName"), &awscdk.CfnOutputProps{
		Description: jsii.String("CodeBuild project of " + name),
		Value:       build.Project().ProjectName(),
	})
	addImageOutputs(build, name)
	if deployed := build.DeployedImage(); deployed != nil {
		awscdk.NewCfnOutput(build, jsii.String("ImageDigest"), &awscdk.CfnOutputProps{
			Description: jsii.String("Digest of the image of " + name + " that this deployment built"),
			Value:       deployed.Digest,
		})
		awscdk.NewCfnOutput(build, jsii.String("Verdict"), &awscdk.CfnOutputProps{
			Description: jsii.String("What the cache did for " + name),
			Value:       deployed.Verdict,
		})
	}
}

// addImageOutputs adds the URI of the image, or of each image of a bake file.
func addImageOutputs(build *imagebuild.ImageBuild, name string) {
	images := build.BakeImages()
	for _, target := range slices.Sorted(maps.Keys(images)) {
		awscdk.NewCfnOutput(build, jsii.String("ImageUri-"+target), &awscdk.CfnOutputProps{
			Description: jsii.String("Image repository of " + target + " of " + name),
			Value:       images[target].RepositoryUri(),
		})
	}
	if len(images) == 0 {
		awscdk.NewCfnOutput(build, jsii.String("ImageUri"), &awscdk.CfnOutputProps{
			Description: jsii.String("Image repository of " + name),
			Value:       build.Image().RepositoryUri(),
		})
	}
}

// Builds returns the image builds by construct id.
func (s *BuildStack) Builds() map[string]*imagebuild.ImageBuild { return s.builds }
