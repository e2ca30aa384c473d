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

func (c *Config) validatePrefixes(found *validation.Problems) {
	upstreams := map[string]string{}
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
		if other, taken := upstreams[prefix]; taken {
			found.Add(key, fmt.Sprintf("%q is also the prefix of %s", prefix, other), "give each upstream its own prefix")
		}
		if first, _, _ := strings.Cut(prefix, "/"); first == c.Name {
			found.Add(key, fmt.Sprintf("%q is the prefix of the repositories of layercache.name", first), "use another prefix")
		}
		upstreams[prefix] = registry
	}
}

// prefixFix returns what to write instead of a registry that is not cached.
func prefixFix(registry pullthrough.UpstreamRegistry) string {
	if slices.Contains(signedIn, registry) {
		return "set its secret in layercache.pullThrough.secrets, or leave it out"
	}
	return spelling.Fix(registry, slices.Concat(pullthrough.UpstreamRegistries(), signedIn))
}
