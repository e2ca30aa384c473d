package pullthrough

import (
	"slices"
	"strings"
)

// UpstreamRegistry is ECR's name for a registry that it can cache from.
type UpstreamRegistry string

const (
	// EcrPublic is public.ecr.aws.
	EcrPublic UpstreamRegistry = "ecr-public"
	// Kubernetes is registry.k8s.io.
	Kubernetes UpstreamRegistry = "k8s"
	// Quay is quay.io.
	Quay UpstreamRegistry = "quay"
	// DockerHub is docker.io. It needs a secret.
	DockerHub UpstreamRegistry = "docker-hub"
	// GitHub is ghcr.io. It needs a secret.
	GitHub UpstreamRegistry = "github-container-registry"
	// GitLab is registry.gitlab.com. It needs a secret.
	GitLab UpstreamRegistry = "gitlab-container-registry"
	// Azure is NAME.azurecr.io, with NAME in Upstream.AzureRegistry. It needs a secret.
	Azure UpstreamRegistry = "azure-container-registry"
	// Chainguard is cgr.dev. It needs a secret.
	Chainguard UpstreamRegistry = "chainguard"
	// Ecr is the private ECR registry of another account or region, set in Upstream.Ecr. It needs a role,
	// which is created by default.
	Ecr UpstreamRegistry = "ecr"
)

// kind describes what ECR needs for an upstream registry:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html.
type kind struct {
	// host is the host of image names.
	host string
	// url is the UpstreamRegistryUrl of the rule if it differs from host.
	url string
	// prefix is the default of Upstream.Prefix if it differs from the registry's name.
	prefix string
	// secret reports whether ECR signs in with a secret.
	secret bool
}

var kinds = map[UpstreamRegistry]kind{
	EcrPublic:  {host: "public.ecr.aws"},
	Kubernetes: {host: "registry.k8s.io"},
	Quay:       {host: "quay.io"},
	DockerHub:  {host: "docker.io", url: "registry-1.docker.io", secret: true},
	GitHub:     {host: "ghcr.io", prefix: "github", secret: true},
	GitLab:     {host: "registry.gitlab.com", prefix: "gitlab", secret: true},
	Azure:      {prefix: "azure", secret: true},
	Chainguard: {host: "cgr.dev", secret: true},
	Ecr:        {},
}

// UpstreamRegistries returns the registries that need neither a secret nor a role, in a fixed order. They are
// the default upstreams of a PullThroughCache.
func UpstreamRegistries() []UpstreamRegistry {
	return []UpstreamRegistry{EcrPublic, Kubernetes, Quay}
}

// Host returns the host in Dockerfiles, such as "quay.io". It is empty for Azure and Ecr, which stand for
// many registries, and for an unknown registry.
func (r UpstreamRegistry) Host() string { return kinds[r].host }

// DefaultPrefix returns the default of Upstream.Prefix.
func (r UpstreamRegistry) DefaultPrefix() string {
	if prefix := kinds[r].prefix; prefix != "" {
		return prefix
	}
	return string(r)
}

func registryNames() string {
	var names []string
	for r := range kinds {
		names = append(names, string(r))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
