package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

// signedIn are the upstreams that need only a secret.
var signedIn = []pullthrough.UpstreamRegistry{pullthrough.DockerHub, pullthrough.GitHub, pullthrough.GitLab, pullthrough.Chainguard}

const secretPrefix = "ecr-pullthroughcache/"

// registries returns the upstreams to cache from, in a fixed order.
func (c PullThroughConfig) registries() []pullthrough.UpstreamRegistry {
	var registries []pullthrough.UpstreamRegistry
	for _, r := range pullthrough.UpstreamRegistries() {
		if _, named := c.Prefixes[string(r)]; named || len(c.Prefixes) == 0 {
			registries = append(registries, r)
		}
	}
	for _, r := range signedIn {
		if _, named := c.Secrets[string(r)]; named {
			registries = append(registries, r)
		}
	}
	return registries
}

func (c *Config) validatePullThrough(found *validation.Problems) {
	for _, p := range c.places() {
		if c.PullThrough.Enabled != nil && *c.PullThrough.Enabled && lacksPullThrough(p.region) {
			found.Add("layercache.pullThrough.enabled", fmt.Sprintf("ECR has no pull-through cache in %s", p.region), "leave it out, or set it to false")
		}
	}
	for _, registry := range slices.Sorted(maps.Keys(c.PullThrough.Secrets)) {
		secret, key := c.PullThrough.Secrets[registry], "layercache.pullThrough.secrets."+registry
		if !slices.Contains(signedIn, pullthrough.UpstreamRegistry(registry)) {
			found.Add(key, "is not a registry that needs only a secret", "use "+names(signedIn))
		} else if !strings.HasPrefix(secret, secretPrefix) || secret == secretPrefix {
			found.Add(key, fmt.Sprintf("%q is not a secret name that ECR accepts", secret), "name the secret "+secretPrefix+"NAME")
		}
	}
	c.validatePrefixes(found)
}

func (c *Config) validatePrefixes(found *validation.Problems) {
	upstreams := map[string]string{}
	for _, registry := range slices.Sorted(maps.Keys(c.PullThrough.Prefixes)) {
		prefix, key := c.PullThrough.Prefixes[registry], "layercache.pullThrough.prefixes."+registry
		_, secret := c.PullThrough.Secrets[registry]
		if !secret && !slices.Contains(pullthrough.UpstreamRegistries(), pullthrough.UpstreamRegistry(registry)) {
			found.Add(key, "is not a registry that ECR can cache from without a secret", "use "+names(pullthrough.UpstreamRegistries())+", or set its secret in layercache.pullThrough.secrets")
			continue
		}
		if wrong := pullthrough.CheckPrefix(prefix); wrong != "" {
			found.Add(key, wrong, pullthrough.PrefixFix)
		}
		if other, taken := upstreams[prefix]; taken {
			found.Add(key, fmt.Sprintf("%q is also the prefix of %s", prefix, other), "give each upstream its own prefix")
		}
		if first, _, _ := strings.Cut(prefix, "/"); first == c.Name {
			found.Add(key, fmt.Sprintf("%q is the prefix of the repositories of layercache.name", first), "use another prefix")
		}
		upstreams[prefix] = registry
	}
}

func names(registries []pullthrough.UpstreamRegistry) string {
	var all []string
	for _, r := range registries {
		all = append(all, string(r))
	}
	return strings.Join(all, ", ")
}
