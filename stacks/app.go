package stacks

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
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
	// Builds are the stacks with the builds, one or several per environment. The first of an environment has what
	// its builds share.
	Builds []*BuildStack
	// Dashboards are the stacks with the dashboards and alarms.
	Dashboards []awscdk.Stack
}

// AddTo creates the stacks of a configuration for which Validate returns no problems: NAME-cache and
// NAME-build, or with several regions and environments NAME-cache-REGION and NAME-build-ENVIRONMENT. With many
// builds there are several build stacks (Config.Stacks). Build stacks import their caches by name, without
// CloudFormation exports. Unset keys have their defaults.
func (c *Config) AddTo(scope constructs.Construct) *App {
	c = c.WithDefaults()
	app := &App{}
	for _, region := range c.cacheRegions() {
		app.Caches = append(app.Caches, c.addCaches(scope, region))
	}
	for _, p := range c.places() {
		builds := c.addBuilds(scope, p)
		app.Builds = append(app.Builds, builds...)
		app.Dashboards = append(app.Dashboards, c.addDashboards(scope, p)...)
		if c.crossAccount(p) {
			continue
		}
		cache := app.Caches[slices.Index(c.cacheRegions(), c.cacheRegion(p))]
		for _, build := range builds {
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
	var helperZip *string
	if c.Cache.Share.isOn() {
		helperZip = optional(c.Cache.Share.HelperZip)
	}
	return NewCacheStack(scope, jsii.String(c.cacheStackName(region)), &CacheStackProps{
		StackProps: awscdk.StackProps{
			Description: jsii.String("Layer caches of image builds (layercache)"),
			Env:         environment(c.Cache.Account, region),
		},
		Name:             jsii.String(c.Name),
		Tiers:            tiers,
		EncryptionKeyArn: optional(c.Cache.EncryptionKey),
		Share:            jsii.Bool(c.Cache.Share.isOn()),
		HelperZip:        helperZip,
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

// addBuilds creates the build stacks of a place.
func (c *Config) addBuilds(scope constructs.Construct, p place) []*BuildStack {
	count := c.stackCount(p)
	var made []*BuildStack
	for _, g := range c.groups(p, count) {
		build := NewBuildStack(scope, &g.stack, c.buildStackProps(p, g))
		if len(made) > 0 && c.createsPullThrough(p) {
			build.AddStackDependency(made[0].Stack, jsii.String("the first build finds the rules of the pull-through cache"))
		}
		made = append(made, build)
	}
	if c.Stacks == nil && count > 1 {
		awscdk.Annotations_Of(made[0]).AddInfo(jsii.String(fmt.Sprintf(
			"the builds do not fit into one stack, so they are spread over %d by their names. Set layercache.stacks to %d to keep them there when their number changes. "+
				"If %s is already deployed with builds, set layercache.stacks to 1 instead, and the key stack of each new build",
			count, count, c.Name+p.suffix)))
	}
	return made
}

// buildStackProps returns the props of one build stack of a place.
func (c *Config) buildStackProps(p place, g group) *BuildStackProps {
	props := &BuildStackProps{
		StackProps: awscdk.StackProps{
			Description: jsii.String("Image builds with a layer cache (layercache)"),
			Env:         environment(p.account, p.region),
		},
		Cache:      c.cacheOf(p, p.tier),
		Builds:     c.builds(p, g.builds),
		names:      namesByConstruct(),
		addImports: c.addImports(p),
		rollOuts:   map[string]*RollOutConfig{},
	}
	for _, b := range g.builds {
		props.rollOuts[b.Name] = b.RollOut
	}
	if len(g.builds) > fitsOneStack {
		props.SuppressTemplateIndentation = jsii.Bool(true) // indented, many builds exceed CloudFormation's limit
	}
	switch {
	case g.shared && c.createsPullThrough(p):
		props.PullThrough = &pullthrough.PullThroughCacheProps{Upstreams: c.upstreams()}
		props.UpstreamSecrets = c.PullThrough.Secrets
		props.Prewarm = c.prewarm(p)
	case c.pullThroughEnabled(p):
		props.ExistingPullThrough = &pullthrough.PullThroughCacheAttributes{Upstreams: c.upstreams()}
	}
	if p.pullRequestTier != "" {
		props.PullRequestCache = c.cacheOf(p, p.pullRequestTier)
	}
	return props
}

func (c *Config) cacheOf(p place, tier string) *cacherepo.CacheRepositoryAttributes {
	return &cacherepo.CacheRepositoryAttributes{
		RepositoryName: jsii.String(TierRepositoryName(c.Name, tier)),
		Account:        optional(c.Cache.Account),
		Region:         optional(c.cacheRegion(p)),
		PolicyAllows:   jsii.Bool(true),
	}
}

// upstreams returns the upstreams of the pull-through cache.
func (c *Config) upstreams() *[]*pullthrough.Upstream {
	var upstreams []*pullthrough.Upstream
	for _, registry := range c.PullThrough.registries() {
		upstreams = append(upstreams, &pullthrough.Upstream{Registry: registry, Prefix: optional(c.PullThrough.Prefixes[string(registry)])})
	}
	return &upstreams
}

func (c *Config) builds(p place, configs []BuildConfig) map[string]imagebuild.ImageBuildProps {
	builds := map[string]imagebuild.ImageBuildProps{}
	for _, b := range configs {
		props := b.settings()
		switch {
		case b.Bake != nil:
			props.Bake = b.Bake.settings(c.imageRepositoryName(b))
		case b.ImageRepository == "":
			props.ImageName = jsii.String(c.imageRepositoryName(b))
		}
		props.RolePath = jsii.String(c.rolePath(p))
		props.MetricsNamespace = optional(c.metricsNamespace(b))
		pullRequests := p.pullRequests && b.startsPullRequests()
		if b.Webhook.isOn() {
			// A webhook without filters would start a build on every event.
			if webhook := b.webhook(pullRequests); len(*webhook.Filters) > 0 {
				props.Triggers.Webhook = webhook
			}
		}
		if pullRequests {
			props.PullRequests = b.pullRequests(c.pullRequestRolePath(p))
		}
		builds[b.Name] = props
	}
	return builds
}

// addImports returns the function that adds to the builds of a place what they import.
func (c *Config) addImports(p place) func(constructs.Construct, string, *imagebuild.ImageBuildProps) {
	byName := map[string]BuildConfig{}
	for _, b := range c.Builds {
		byName[b.Name] = b
	}
	return func(scope constructs.Construct, name string, props *imagebuild.ImageBuildProps) {
		byName[name].addImports(scope, p, props)
	}
}
