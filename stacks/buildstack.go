package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// BuildStackProps are the props of a BuildStack.
type BuildStackProps struct {
	awscdk.StackProps

	// Cache names the cache repository, which may be in another account. It is
	// imported by name, so that no stack holds on to the other by an export.
	Cache *cacherepo.CacheRepositoryAttributes

	// PullThrough are the props of the pull-through cache.
	// Default: no pull-through cache.
	PullThrough *pullthrough.PullThroughCacheProps

	// Builds are the images to build, by construct id. Their Cache and
	// PullThrough are those of the stack.
	Builds map[string]imagebuild.ImageBuildProps
}

// BuildStack holds the image builds of one account and region, with the
// pull-through cache rules there.
type BuildStack struct {
	awscdk.Stack
	builds map[string]*imagebuild.ImageBuild
}

// NewBuildStack makes the stack.
func NewBuildStack(scope constructs.Construct, id *string, props *BuildStackProps) *BuildStack {
	s := &BuildStack{builds: map[string]*imagebuild.ImageBuild{}}
	awscdk.NewStack_Override(s, scope, id, &props.StackProps)
	cache := cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("Cache"), props.Cache)
	var baseImages pullthrough.IPullThroughCache
	if props.PullThrough != nil {
		baseImages = pullthrough.NewPullThroughCache(s, jsii.String("PullThrough"), props.PullThrough)
	}
	for _, name := range slices.Sorted(maps.Keys(props.Builds)) {
		build := props.Builds[name]
		build.Cache, build.PullThrough = cache, baseImages
		s.addBuild(name, &build)
	}
	return s
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

// Builds are the image builds by construct id.
func (s *BuildStack) Builds() map[string]*imagebuild.ImageBuild { return s.builds }
