package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
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
	// Default: no pull-through cache.
	PullThrough *pullthrough.PullThroughCacheProps

	// UpstreamSecrets are the names of secrets in the account and region of the stack, by registry of
	// PullThrough.
	// Default: none.
	UpstreamSecrets map[string]string

	// Builds are the images to build, by construct id. The stack sets their Cache and PullThrough.
	Builds map[string]imagebuild.ImageBuildProps
}

// BuildStack contains the image builds of one account and region, and the pull-through cache rules there.
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
	cache := cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("Cache"), props.Cache)
	var baseImages pullthrough.IPullThroughCache
	if props.PullThrough != nil {
		baseImages = pullthrough.NewPullThroughCache(s, jsii.String("PullThrough"), s.withSecrets(props))
	}
	var pullRequestCache cacherepo.ICacheRepository
	if props.PullRequestCache != nil {
		pullRequestCache = cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("PullRequestCache"), props.PullRequestCache)
	}
	for _, name := range slices.Sorted(maps.Keys(props.Builds)) {
		build := props.Builds[name]
		build.Cache, build.PullThrough = cache, baseImages
		if build.PullRequests != nil && pullRequestCache != nil {
			pullRequests := *build.PullRequests
			pullRequests.Cache = pullRequestCache
			build.PullRequests = &pullRequests
		}
		s.addBuild(name, &build)
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
			with.Secret = awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("Secret-"+string(u.Registry)), jsii.String(name))
			u = &with
		}
		upstreams = append(upstreams, u)
	}
	own.Upstreams = &upstreams
	return &own
}

func (s *BuildStack) addBuild(name string, props *imagebuild.ImageBuildProps) {
	build := imagebuild.NewImageBuild(s, jsii.String(name), props)
	s.builds[name] = build
	awscdk.NewCfnOutput(build, jsii.String("ProjectName"), &awscdk.CfnOutputProps{
		Description: jsii.String("CodeBuild project of " + name),
		Value:       build.Project().ProjectName(),
	})
	awscdk.NewCfnOutput(build, jsii.String("ImageUri"), &awscdk.CfnOutputProps{
		Description: jsii.String("Image repository of " + name),
		Value:       build.Image().RepositoryUri(),
	})
}

// Builds returns the image builds by construct id.
func (s *BuildStack) Builds() map[string]*imagebuild.ImageBuild { return s.builds }
