package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// place is an account and region of builds, which has one build stack.
type place struct {
	// key is the configuration key of the place.
	key string
	// suffix is the end of the stack's name, dir the end of the roles' paths.
	suffix, dir           string
	account, region       string
	tier, pullRequestTier string
	pullRequests          bool
	connection            string
}

// places returns the places of the builds, in the order of the configuration.
func (c *Config) places() []place {
	if len(c.Environments) == 0 {
		b := c.Build
		return []place{{
			key: "layercache.build", suffix: "-build", account: b.Account, region: b.Region,
			tier: b.Tier, pullRequests: *b.PullRequests, pullRequestTier: b.PullRequestTier, connection: b.Connection,
		}}
	}
	var places []place
	for i, e := range c.Environments {
		places = append(places, place{
			key: fmt.Sprintf("layercache.environments[%d]", i), suffix: "-build-" + e.Name, dir: e.Name + "/", account: e.Account, region: e.Region,
			tier: e.Tier, pullRequests: *e.PullRequests, pullRequestTier: e.PullRequestTier, connection: e.Connection,
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

// cacheStackName returns NAME-cache, or NAME-cache-REGION with several regions.
func (c *Config) cacheStackName(region string) string {
	if len(c.Cache.Regions) == 0 {
		return c.Name + "-cache"
	}
	return c.Name + "-cache-" + region
}

// imageRepositoryName returns the physical name of a build's image repository. It is fixed, so that apps can
// refer to it.
func (c *Config) imageRepositoryName(b BuildConfig) string { return c.Name + "/" + b.Name }

// rolePath returns the path of the service roles of a place's builds. The policies of caches allow this path.
func (c *Config) rolePath(p place) string { return "/" + c.Name + "/build/" + p.dir }

// pullRequestRolePath returns the path of the roles that build pull requests. The policies of release caches
// allow it to read.
func (c *Config) pullRequestRolePath(p place) string { return "/" + c.Name + "/pull-request/" + p.dir }

// buildsPullRequests reports whether a place has a project for pull requests, which needs a build with a
// webhook.
func (c *Config) buildsPullRequests(p place) bool {
	return p.pullRequests && slices.ContainsFunc(c.Builds, func(b BuildConfig) bool { return b.Webhook })
}

// crossAccount reports whether a place is in another account than the caches.
func (c *Config) crossAccount(p place) bool { return c.Cache.Account != p.account }

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
