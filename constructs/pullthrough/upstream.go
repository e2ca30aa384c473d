package pullthrough

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

// UpstreamRegistry is the name that ECR gives to a registry it can cache from
// without a secret.
type UpstreamRegistry string

const (
	// EcrPublic is public.ecr.aws.
	EcrPublic UpstreamRegistry = "ecr-public"
	// Kubernetes is registry.k8s.io.
	Kubernetes UpstreamRegistry = "k8s"
	// Quay is quay.io.
	Quay UpstreamRegistry = "quay"
)

// UpstreamRegistries are all registries that need no secret, in a fixed order.
func UpstreamRegistries() []UpstreamRegistry {
	return []UpstreamRegistry{EcrPublic, Kubernetes, Quay}
}

// Host is the host that Dockerfiles name, such as "quay.io"; it is empty for a
// registry that is not one of UpstreamRegistries.
func (r UpstreamRegistry) Host() string {
	switch r {
	case EcrPublic:
		return "public.ecr.aws"
	case Kubernetes:
		return "registry.k8s.io"
	case Quay:
		return "quay.io"
	}
	return ""
}

// Upstream is a registry to cache from.
type Upstream struct {
	// Registry is the registry. Required.
	Registry UpstreamRegistry

	// Prefix starts the names of the repositories that ECR creates for the
	// registry: 2 to 30 characters. An account has each prefix once in a region.
	// Default: the name of the registry, such as "quay".
	Prefix *string
}

func (u *Upstream) prefix() string {
	if u.Prefix == nil {
		return string(u.Registry)
	}
	return *u.Prefix
}

// prefixForm is the pattern of EcrRepositoryPrefix in
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
// without the trailing slash it also allows.
var prefixForm = regexp.MustCompile(`^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*$`)

// CheckPrefix returns what is wrong with a repository prefix, or "".
func CheckPrefix(prefix string) string {
	switch {
	case prefix == "ROOT":
		return `"ROOT" would take in every repository of the registry`
	case len(prefix) < 2 || len(prefix) > 30:
		return fmt.Sprintf("%q has %d characters, and ECR takes 2 to 30", prefix, len(prefix))
	case !prefixForm.MatchString(prefix):
		return fmt.Sprintf("%q has the wrong form", prefix)
	}
	return ""
}

// PrefixFix says what a prefix looks like.
const PrefixFix = "use lower-case letters and digits, with '.', '_', '-' or '/' between them, such as team/quay"

func check(upstreams []*Upstream) []validation.Problem {
	var problems []validation.Problem
	add := func(prop, wrong, fix string) {
		problems = append(problems, validation.Problem{Prop: prop, Wrong: wrong, Fix: fix})
	}
	if len(upstreams) == 0 {
		add("Upstreams", "is empty", "name a registry, or leave the prop out to have them all")
	}
	prefixes, registries := map[string]bool{}, map[UpstreamRegistry]bool{}
	for i, u := range upstreams {
		at := fmt.Sprintf("Upstreams[%d]", i)
		if u == nil || u.Registry.Host() == "" {
			add(at+".Registry", "is not a registry that can be cached without a secret", "use one of "+registryNames())
			continue
		}
		if wrong := CheckPrefix(u.prefix()); wrong != "" {
			add(at+".Prefix", wrong, PrefixFix)
		}
		if prefixes[u.prefix()] {
			add(at+".Prefix", fmt.Sprintf("%q is taken by another upstream", u.prefix()), "give each upstream a prefix of its own")
		}
		if registries[u.Registry] {
			add(at+".Registry", fmt.Sprintf("%q is listed twice", u.Registry), "keep one of them")
		}
		prefixes[u.prefix()], registries[u.Registry] = true, true
	}
	return problems
}

func registryNames() string {
	var names []string
	for _, r := range UpstreamRegistries() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
