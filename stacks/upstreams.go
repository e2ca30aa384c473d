package stacks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

// signedIn are the upstreams that need only a secret.
var signedIn = []pullthrough.UpstreamRegistry{pullthrough.DockerHub, pullthrough.GitHub, pullthrough.GitLab, pullthrough.Chainguard}

const secretPrefix = "ecr-pullthroughcache/"

var secretARN = regexp.MustCompile(`^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:(.+)$`)

// secretName returns the name of a secret that is given by its name or by its ARN. The name may still have
// the suffix of the ARN.
func secretName(nameOrARN string) string {
	if parts := secretARN.FindStringSubmatch(nameOrARN); parts != nil {
		return parts[1]
	}
	return nameOrARN
}

// registries returns the upstreams to cache from, in a fixed order.
func (c PullThroughConfig) registries() []pullthrough.UpstreamRegistry {
	var registries []pullthrough.UpstreamRegistry
	for _, r := range pullthrough.UpstreamRegistries() {
		if _, named := c.Prefixes[string(r)]; named || len(c.Prefixes) == 0 {
			registries = append(registries, r)
		}
	}
	for _, r := range signedIn {
		_, named := c.Secrets[string(r)]
		if _, exists := c.Prefixes[string(r)]; named || c.Existing && exists {
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
	if c.PullThrough.Existing {
		if !*orTrue(c.PullThrough.Enabled) {
			found.Add("layercache.pullThrough.existing", "is set, but layercache.pullThrough.enabled is false", "keep one of the two keys")
		}
		if c.PullThrough.Secrets != nil {
			found.Add("layercache.pullThrough.secrets", "is set, but the rules exist with their secrets", "leave it out, and list the upstreams in layercache.pullThrough.prefixes")
		}
	}
	for _, registry := range slices.Sorted(maps.Keys(c.PullThrough.Secrets)) {
		secret, key := c.PullThrough.Secrets[registry], "layercache.pullThrough.secrets."+registry
		if !slices.Contains(signedIn, pullthrough.UpstreamRegistry(registry)) {
			found.Add(key, "is not a registry that needs only a secret", spelling.Fix(pullthrough.UpstreamRegistry(registry), signedIn))
		} else if name := secretName(secret); !strings.HasPrefix(name, secretPrefix) || name == secretPrefix {
			found.Add(key, fmt.Sprintf("%q is not a secret name that ECR accepts", secret), "name the secret "+secretPrefix+"NAME")
		}
	}
	c.validatePrefixes(found)
	c.validatePrewarm(found)
}

// prefix returns the prefix of an upstream.
func (c PullThroughConfig) prefix(registry pullthrough.UpstreamRegistry) string {
	return orDefault(c.Prefixes[string(registry)], registry.DefaultPrefix())
}

func (c *Config) validatePrefixes(found *validation.Problems) {
	for _, registry := range slices.Sorted(maps.Keys(c.PullThrough.Prefixes)) {
		prefix, key := c.PullThrough.Prefixes[registry], "layercache.pullThrough.prefixes."+registry
		_, secret := c.PullThrough.Secrets[registry]
		if c.PullThrough.Existing && slices.Contains(signedIn, pullthrough.UpstreamRegistry(registry)) {
			secret = true // the rule has it
		}
		if !secret && !slices.Contains(pullthrough.UpstreamRegistries(), pullthrough.UpstreamRegistry(registry)) {
			found.Add(key, "is not a registry that ECR can cache from without a secret", prefixFix(pullthrough.UpstreamRegistry(registry)))
			continue
		}
		if wrong := pullthrough.CheckPrefix(prefix); wrong != "" {
			found.Add(key, wrong, pullthrough.PrefixFix)
		}
	}
	if slices.ContainsFunc(c.places(), c.pullThroughEnabled) {
		c.validatePrefixesAreFree(found)
	}
}

// validatePrefixesAreFree refuses a prefix, also a default one, that another upstream or the name of the configuration
// has, or that the name of an image repository begins with: ECR would import images of the upstream there, and builds
// would take what is pushed there for images of the upstream.
func (c *Config) validatePrefixesAreFree(found *validation.Problems) {
	taken := map[string]pullthrough.UpstreamRegistry{}
	for _, registry := range c.PullThrough.registries() {
		prefix, key := c.PullThrough.prefix(registry), "layercache.pullThrough.prefixes."+string(registry)
		if other, is := taken[prefix]; is {
			found.Add(key, fmt.Sprintf("%q is also the prefix of %s", prefix, other), "give each upstream its own prefix")
		}
		taken[prefix] = registry
		_, set := c.PullThrough.Prefixes[string(registry)]
		switch first, _, _ := strings.Cut(prefix, "/"); {
		case first != c.Name:
			c.validateRepositories(found, prefix)
		case set:
			found.Add(key, fmt.Sprintf("%q is the prefix of the repositories of layercache.name", first), "use another prefix")
		default:
			found.Add("layercache.name", fmt.Sprintf("%q is also the default prefix of the pull-through cache of %s", first, registry),
				"use another name, or list the upstreams with prefixes of their own in layercache.pullThrough.prefixes")
		}
	}
}

// validateRepositories checks that no repository that builds push to begins with the prefix.
func (c *Config) validateRepositories(found *validation.Problems, prefix string) {
	for i, b := range c.Builds {
		repositories := c.imageRepositories(b)
		repositories["pullRequestImageRepository"] = b.PullRequestImageRepository
		for _, at := range slices.Sorted(maps.Keys(repositories)) {
			if strings.HasPrefix(repositories[at]+"/", prefix+"/") {
				found.Add(fmt.Sprintf("layercache.builds[%d].%s", i, at), fmt.Sprintf("%q begins with the prefix %q of the pull-through cache", repositories[at], prefix),
					"use another repository, or another prefix in layercache.pullThrough.prefixes")
			}
		}
	}
}

// prefixFix returns what to write instead of a registry that is not cached.
func prefixFix(registry pullthrough.UpstreamRegistry) string {
	if slices.Contains(signedIn, registry) {
		return "set its secret in layercache.pullThrough.secrets, or leave it out"
	}
	return spelling.Fix(registry, slices.Concat(pullthrough.UpstreamRegistries(), signedIn))
}
