package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// AddTo makes the stacks of a valid configuration: NAME-cache and NAME-build.
func (c *Config) AddTo(scope constructs.Construct) (*CacheStack, *BuildStack) {
	cache := NewCacheStack(scope, jsii.String(c.Name+"-cache"), &CacheStackProps{
		StackProps: awscdk.StackProps{
			Description: jsii.String("Layer caches of image builds (layercache)"),
			Env:         c.Cache.env(),
		},
		Cache: &cacherepo.CacheRepositoryProps{
			RepositoryName: jsii.String(c.cacheRepositoryName()),
			Writers:        c.writers(),
		},
	})
	build := NewBuildStack(scope, jsii.String(c.Name+"-build"), &BuildStackProps{
		StackProps: awscdk.StackProps{
			Description: jsii.String("Image builds with a layer cache (layercache)"),
			Env:         c.Build.env(),
		},
		Cache: &cacherepo.CacheRepositoryAttributes{
			RepositoryName: jsii.String(c.cacheRepositoryName()),
			Account:        optional(c.Cache.Account),
			Region:         optional(c.Cache.Region),
		},
		PullThrough: c.pullThroughProps(),
		Builds:      c.builds(),
	})
	if !c.crossAccount() {
		build.AddStackDependency(cache.Stack, jsii.String("the first build finds its cache repository"))
	}
	return cache, build
}

// writers lets the service roles of the builds in, when they are in another
// account; in one account their own policies are enough.
func (c *Config) writers() *[]*cacherepo.Party {
	if !c.crossAccount() {
		return nil
	}
	return &[]*cacherepo.Party{{Account: jsii.String(c.Build.Account), RolePath: jsii.String(c.rolePath())}}
}

func (c *Config) pullThroughProps() *pullthrough.PullThroughCacheProps {
	if !c.pullThroughEnabled() {
		return nil
	}
	if len(c.PullThrough.Prefixes) == 0 {
		return &pullthrough.PullThroughCacheProps{}
	}
	var upstreams []*pullthrough.Upstream
	for _, r := range pullthrough.UpstreamRegistries() {
		if prefix, ok := c.PullThrough.Prefixes[string(r)]; ok {
			upstreams = append(upstreams, &pullthrough.Upstream{Registry: r, Prefix: jsii.String(prefix)})
		}
	}
	return &pullthrough.PullThroughCacheProps{Upstreams: &upstreams}
}

func (c *Config) builds() map[string]imagebuild.ImageBuildProps {
	builds := map[string]imagebuild.ImageBuildProps{}
	for _, b := range c.Builds {
		props := b.settings()
		props.Source = imagebuild.Source_Directory(jsii.String(b.Source.Directory), nil)
		props.ImageName = jsii.String(c.imageRepositoryName(b))
		props.RolePath = jsii.String(c.rolePath())
		builds[b.Name] = props
	}
	return builds
}

func (e Environment) env() *awscdk.Environment {
	return &awscdk.Environment{Account: optional(e.Account), Region: optional(e.Region)}
}
