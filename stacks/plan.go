package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

const defaultName = "layercache"

// place is one build stack.
type place struct {
	// key is the configuration key of the place.
	key string
	// suffix ends the name of the stack, and dir the paths of the roles.
	suffix, dir           string
	account, region       string
	tier, pullRequestTier string
	pullRequests          bool
	connection            string
}

// places are the build stacks, in the order of the configuration, with their
// defaults.
func (c *Config) places() []place {
	if len(c.Environments) == 0 {
		b := c.Build
		return []place{{
			key: "layercache.build", suffix: "-build", account: b.Account, region: b.Region,
			tier: orDefault(b.Tier, c.defaultTier("prod")), pullRequests: orTrue(b.PullRequests), pullRequestTier: b.PullRequestTier, connection: b.Connection,
		}}
	}
	var places []place
	for i, e := range c.Environments {
		places = append(places, place{
			key: fmt.Sprintf("layercache.environments[%d]", i), suffix: "-build-" + e.Name, dir: e.Name + "/", account: e.Account, region: e.Region,
			tier: orDefault(e.Tier, c.defaultTier(e.Name)), pullRequests: orTrue(e.PullRequests), pullRequestTier: e.PullRequestTier, connection: e.Connection,
		})
	}
	return places
}

// defaultTier is the preferred tier if there is one of that name, else the only
// tier, else "".
func (c *Config) defaultTier(preferred string) string {
	tiers := c.tiers()
	switch {
	case slices.Contains(tiers, preferred):
		return preferred
	case len(tiers) == 1:
		return tiers[0]
	}
	return ""
}

// tiers are the names of the tiers, sorted.
func (c *Config) tiers() []string {
	if len(c.Cache.Tiers) == 0 {
		return DefaultTiers()
	}
	return slices.Sorted(maps.Keys(c.Cache.Tiers))
}

// cacheRegions are the regions with caches; "" is where the CDK CLI deploys to.
func (c *Config) cacheRegions() []string {
	if len(c.Cache.Regions) > 0 {
		return c.Cache.Regions
	}
	return []string{c.Cache.Region}
}

// cacheRegion is the region of the caches that a place uses.
func (c *Config) cacheRegion(p place) string {
	if slices.Contains(c.cacheRegions(), p.region) {
		return p.region
	}
	return c.cacheRegions()[0]
}

// cacheStackName is NAME-cache, or one for each of several regions.
func (c *Config) cacheStackName(region string) string {
	if len(c.Cache.Regions) == 0 {
		return c.Name + "-cache"
	}
	return c.Name + "-cache-" + region
}

// imageRepositoryName is a physical name, known to the app that uses the image.
func (c *Config) imageRepositoryName(b BuildConfig) string { return c.Name + "/" + b.Name }

// rolePath holds the service roles of a place's builds, for the cache to trust.
func (c *Config) rolePath(p place) string { return "/" + c.Name + "/build/" + p.dir }

// pullRequestRolePath holds the roles that build pull requests, which caches of
// release builds let read.
func (c *Config) pullRequestRolePath(p place) string { return "/" + c.Name + "/pull-request/" + p.dir }

// buildsPullRequests tells whether a place has a project for pull requests,
// which is that of a build with a webhook.
func (c *Config) buildsPullRequests(p place) bool {
	return p.pullRequests && slices.ContainsFunc(c.Builds, func(b BuildConfig) bool { return b.Webhook })
}

// crossAccount tells whether a place is in another account than the caches.
func (c *Config) crossAccount(p place) bool { return c.Cache.Account != p.account }

// pullThroughEnabled tells whether a place has a pull-through cache.
func (c *Config) pullThroughEnabled(p place) bool {
	return orTrue(c.PullThrough.Enabled) && !lacksPullThrough(p.region)
}

// lacksPullThrough tells whether a region is known to have no pull-through
// cache:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html.
func lacksPullThrough(region string) bool {
	return strings.HasPrefix(region, "cn-") || strings.HasPrefix(region, "us-gov-")
}

func environment(account, region string) *awscdk.Environment {
	return &awscdk.Environment{Account: optional(account), Region: optional(region)}
}

func orTrue(b *bool) bool { return b == nil || *b }
