package stacks

import (
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// App holds the stacks of a configuration.
type App struct {
	// Caches are the stacks with the caches, one per region.
	Caches []*CacheStack
	// Builds are the stacks with the builds, one per environment.
	Builds []*BuildStack
}

// AddTo creates the stacks of a configuration for which Validate returns no problems: NAME-cache and
// NAME-build, or with several regions and environments NAME-cache-REGION and NAME-build-ENVIRONMENT. Build
// stacks import their caches by name, without CloudFormation exports. Unset keys have their defaults.
func (c *Config) AddTo(scope constructs.Construct) *App {
	c = c.WithDefaults()
	app := &App{}
	for _, region := range c.cacheRegions() {
		app.Caches = append(app.Caches, c.addCaches(scope, region))
	}
	for _, p := range c.places() {
		build := c.addBuilds(scope, p)
		app.Builds = append(app.Builds, build)
		if !c.crossAccount(p) {
			cache := app.Caches[slices.Index(c.cacheRegions(), c.cacheRegion(p))]
			build.AddStackDependency(cache.Stack, jsii.String("the first build finds its cache repository"))
		}
	}
	return app
}

func (c *Config) addCaches(scope constructs.Construct, region string) *CacheStack {
	tiers := map[string]*cacherepo.CacheRepositoryProps{}
	for _, tier := range c.tiers() {
		tiers[tier] = &cacherepo.CacheRepositoryProps{
			Readers:    c.readers(tier, region),
			Writers:    c.writers(tier, region),
			Encryption: c.Cache.encryption(),
		}
	}
	return NewCacheStack(scope, jsii.String(c.cacheStackName(region)), &CacheStackProps{
		StackProps: awscdk.StackProps{
			Description: jsii.String("Layer caches of image builds (layercache)"),
			Env:         environment(c.Cache.Account, region),
		},
		Name:             jsii.String(c.Name),
		Tiers:            tiers,
		EncryptionKeyArn: optional(c.Cache.EncryptionKey),
	})
}

// trusted returns the parties that may read or write a tier: the service roles of builds in other accounts,
// then the listed parties. Builds in the account of the caches need only the policies of their roles.
func (c *Config) trusted(region string, uses func(place) bool, path func(place) string, listed []PartyConfig) *[]*access.Party {
	var all []*access.Party
	for _, p := range c.places() {
		if c.crossAccount(p) && c.cacheRegion(p) == region && uses(p) {
			all = append(all, &access.Party{Account: jsii.String(p.account), RolePath: jsii.String(path(p))})
		}
	}
	for _, p := range listed {
		all = append(all, p.party())
	}
	if len(all) == 0 {
		return nil
	}
	return &all
}

// readers returns the parties that may only read a tier: builds of pull requests, which read the caches of
// release builds, and the listed readers.
func (c *Config) readers(tier, region string) *[]*access.Party {
	uses := func(p place) bool { return c.buildsPullRequests(p) && p.tier == tier }
	return c.trusted(region, uses, c.pullRequestRolePath, c.Cache.Tiers[tier].Readers)
}

// writers returns the parties that may write a tier: release builds, builds of pull requests with this tier
// as their own, and the listed writers.
func (c *Config) writers(tier, region string) *[]*access.Party {
	releases := c.trusted(region, func(p place) bool { return p.tier == tier }, c.rolePath, c.Cache.Tiers[tier].Writers)
	uses := func(p place) bool { return c.buildsPullRequests(p) && p.pullRequestTier == tier }
	pullRequests := c.trusted(region, uses, c.pullRequestRolePath, nil)
	switch {
	case pullRequests == nil:
		return releases
	case releases == nil:
		return pullRequests
	}
	all := append(*releases, *pullRequests...)
	return &all
}

func (p PartyConfig) party() *access.Party {
	party := &access.Party{Account: optional(p.Account), OrganizationID: optional(p.OrganizationID), RolePath: optional(p.RolePath)}
	if p.OrganizationPaths != nil {
		party.OrganizationPaths = jsii.Strings(p.OrganizationPaths...)
	}
	return party
}

func (c CacheConfig) encryption() awsecr.RepositoryEncryption {
	if c.Encryption == "" {
		return nil
	}
	return awsecr.NewRepositoryEncryption(jsii.String(c.Encryption))
}

func (c *Config) addBuilds(scope constructs.Construct, p place) *BuildStack {
	props := &BuildStackProps{
		StackProps: awscdk.StackProps{
			Description: jsii.String("Image builds with a layer cache (layercache)"),
			Env:         environment(p.account, p.region),
		},
		Cache:           c.cacheOf(p, p.tier),
		PullThrough:     c.pullThroughProps(p),
		UpstreamSecrets: c.PullThrough.Secrets,
		Builds:          c.builds(p),
	}
	if p.pullRequestTier != "" {
		props.PullRequestCache = c.cacheOf(p, p.pullRequestTier)
	}
	return NewBuildStack(scope, jsii.String(c.Name+p.suffix), props)
}

func (c *Config) cacheOf(p place, tier string) *cacherepo.CacheRepositoryAttributes {
	return &cacherepo.CacheRepositoryAttributes{
		RepositoryName: jsii.String(TierRepositoryName(c.Name, tier)),
		Account:        optional(c.Cache.Account),
		Region:         optional(c.cacheRegion(p)),
		PolicyAllows:   jsii.Bool(true),
	}
}

func (c *Config) pullThroughProps(p place) *pullthrough.PullThroughCacheProps {
	if !c.pullThroughEnabled(p) {
		return nil
	}
	var upstreams []*pullthrough.Upstream
	for _, registry := range c.PullThrough.registries() {
		upstreams = append(upstreams, &pullthrough.Upstream{Registry: registry, Prefix: optional(c.PullThrough.Prefixes[string(registry)])})
	}
	return &pullthrough.PullThroughCacheProps{Upstreams: &upstreams}
}

func (c *Config) builds(p place) map[string]imagebuild.ImageBuildProps {
	builds := map[string]imagebuild.ImageBuildProps{}
	for _, b := range c.Builds {
		props := b.settings()
		props.Source = b.source(p.connection)
		props.ImageName = jsii.String(c.imageRepositoryName(b))
		props.RolePath = jsii.String(c.rolePath(p))
		switch {
		case b.Webhook && !p.pullRequests:
			props.Triggers.Webhook = pushes(orDefault(b.FallbackBranch, "main"))
		case b.Webhook:
			props.PullRequests = b.pullRequests(c.pullRequestRolePath(p))
		}
		builds[b.Name] = props
	}
	return builds
}

// pushes returns a webhook for pushes to one branch only.
func pushes(branch string) *imagebuild.Webhook {
	return &imagebuild.Webhook{Filters: &[]*imagebuild.FilterGroup{{
		Events:     &[]awscodebuild.EventAction{awscodebuild.EventAction_PUSH},
		Conditions: &[]*imagebuild.FilterCondition{{Type: imagebuild.HeadRef, Pattern: jsii.String("^refs/heads/" + regexp.QuoteMeta(branch) + "$")}},
	}}}
}
