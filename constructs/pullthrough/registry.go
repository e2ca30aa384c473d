package pullthrough

import (
	"slices"
	"strings"
)

// UpstreamRegistry is the name that ECR gives to a registry it can cache from.
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
	// Azure is NAME.azurecr.io, where Upstream.AzureRegistry gives NAME. It needs
	// a secret.
	Azure UpstreamRegistry = "azure-container-registry"
	// Chainguard is cgr.dev. It needs a secret.
	Chainguard UpstreamRegistry = "chainguard"
	// Ecr is the private ECR registry of another account or region, which
	// Upstream.Ecr names. It needs a role, which is made for it.
	Ecr UpstreamRegistry = "ecr"
)

// kind is what ECR asks of an upstream registry:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html.
type kind struct {
	// host is the host that image names begin with.
	host string
	// url is the UpstreamRegistryUrl of the rule, where it is not host.
	url string
	// prefix is the default of Upstream.Prefix, where it is not the registry.
	prefix string
	// secret tells whether ECR signs in with a secret.
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

// UpstreamRegistries are the registries that need no secret and no role, in a
// fixed order: those that a PullThroughCache caches from by default.
func UpstreamRegistries() []UpstreamRegistry {
	return []UpstreamRegistry{EcrPublic, Kubernetes, Quay}
}

// Host is the host that Dockerfiles name, such as "quay.io". It is empty for
// Azure and Ecr, which are many registries, and for one that ECR does not know.
func (r UpstreamRegistry) Host() string { return kinds[r].host }

func registryNames() string {
	var names []string
	for r := range kinds {
		names = append(names, string(r))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
