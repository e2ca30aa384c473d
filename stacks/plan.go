package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// place is an account and region of builds.
type place struct {
	// key is the configuration key of the place.
	key string
	// suffix is the end of the stack's name, dir the end of the roles' paths.
	suffix, dir           string
	account, region       string
	tier, pullRequestTier string
	pullRequests          bool
	connection            string
	network               *NetworkConfig
	encryptionKey         string
	alarmTopics           []string
}

// places returns the places of the builds, in the order of the configuration.
func (c *Config) places() []place {
	if len(c.Environments) == 0 {
		b := c.Build
		return []place{{
			key: "layercache.build", suffix: "-build", account: b.Account, region: b.Region,
			tier: b.Tier, pullRequests: *b.PullRequests, pullRequestTier: b.PullRequestTier, connection: b.Connection,
			network: b.Network, encryptionKey: b.EncryptionKey, alarmTopics: b.AlarmTopics,
		}}
	}
	var places []place
	for i, e := range c.Environments {
		places = append(places, place{
			key: fmt.Sprintf("layercache.environments[%d]", i), suffix: "-build-" + e.Name, dir: e.Name + "/", account: e.Account, region: e.Region,
			tier: e.Tier, pullRequests: *e.PullRequests, pullRequestTier: e.PullRequestTier, connection: e.Connection,
			network: e.Network, encryptionKey: e.EncryptionKey, alarmTopics: e.AlarmTopics,
		})
	}
	return places
}

// tiers returns the sorted names of the tiers.
func (c *Config) tiers() []string { return slices.Sorted(maps.Keys(c.Cache.Tiers)) }

// cacheRegions returns the regions with caches. "" is the region that the CDK CLI deploys to.
func (c *Config) cacheRegions() []string {
	if len(c.Cache.Regions) > 0 {
		return c.Cache.Regions
	}
	return []string{c.Cache.Region}
}

// cacheRegion returns the region of the caches that a place uses.
func (c *Config) cacheRegion(p place) string {
	if slices.Contains(c.cacheRegions(), p.region) {
		return p.region
	}
	return c.cacheRegions()[0]
}

// dashboardStackName returns NAME-dashboard, or NAME-dashboard-ENVIRONMENT with several environments.
func (c *Config) dashboardStackName(p place) string {
	return c.Name + "-dashboard" + strings.TrimPrefix(p.suffix, "-build")
}

// cacheStackName returns NAME-cache, or NAME-cache-REGION with several regions.
func (c *Config) cacheStackName(region string) string {
	if len(c.Cache.Regions) == 0 {
		return c.Name + "-cache"
	}
	return c.Name + "-cache-" + region
}

// imageRepositoryName returns the physical name of a build's image repository. It is fixed, so that apps can
// refer to it.
func (c *Config) imageRepositoryName(b BuildConfig) string {
	return orDefault(b.ImageName, c.Name+"/"+b.Name)
}

// rolePath returns the path of the service roles of a place's builds. The policies of caches allow this path.
func (c *Config) rolePath(p place) string { return "/" + c.Name + "/build/" + p.dir }

// pullRequestRolePath returns the path of the roles that build pull requests. The policies of release caches
// allow it to read.
func (c *Config) pullRequestRolePath(p place) string { return "/" + c.Name + "/pull-request/" + p.dir }

// buildsPullRequests reports whether a place has a project for pull requests, which needs a build with a
// webhook.
func (c *Config) buildsPullRequests(p place) bool {
	return p.pullRequests && slices.ContainsFunc(c.Builds, BuildConfig.startsPullRequests)
}

// crossAccount reports whether a place is in another account than the caches.
func (c *Config) crossAccount(p place) bool { return c.Cache.Account != p.account }

// createsPullThrough reports whether the rules of a place's pull-through cache are created here.
func (c *Config) createsPullThrough(p place) bool {
	return c.pullThroughEnabled(p) && !c.PullThrough.Existing
}

// pullThroughEnabled reports whether a place has a pull-through cache.
func (c *Config) pullThroughEnabled(p place) bool {
	return *orTrue(c.PullThrough.Enabled) && !lacksPullThrough(p.region)
}

// lacksPullThrough reports whether a region is known to have no pull-through cache:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html.
func lacksPullThrough(region string) bool {
	return strings.HasPrefix(region, "cn-") || strings.HasPrefix(region, "us-gov-")
}

func environment(account, region string) *awscdk.Environment {
	return &awscdk.Environment{Account: optional(account), Region: optional(region)}
}
