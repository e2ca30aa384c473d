package pullthrough

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
)

// rootPrefix stands for all repositories that no other rule covers.
const rootPrefix = "ROOT"

// Upstream is a registry to cache from.
type Upstream struct {
	// Registry is the registry. Required.
	Registry UpstreamRegistry

	// Prefix is the prefix of the repositories that ECR creates for the registry: 2 to 30 characters, or ROOT
	// for none. A prefix can be used once per account and region.
	// Default: the name of the registry, such as "quay"; "github" for GitHub, "gitlab" for GitLab, "azure"
	// for Azure.
	Prefix *string

	// Secret holds the credentials with which ECR signs in, under the keys "username" and "accessToken". Its
	// name must start with "ecr-pullthroughcache/", it must be in the account and region of the rule and be
	// encrypted with the AWS managed key. Principals that pull cannot read it. Required for DockerHub,
	// GitHub, GitLab, Azure and Chainguard; refused for the others.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
	Secret awssecretsmanager.ISecret

	// AzureRegistry is NAME of NAME.azurecr.io. Required for Azure, refused for the others.
	AzureRegistry *string

	// Ecr identifies the private registry. Required for Ecr, refused for the others.
	Ecr *EcrUpstream

	// Repositories are the upstream repositories that GrantPull covers by default, such as "library/golang"
	// or "my-organization/*". Required with the prefix ROOT, which would otherwise include every repository
	// of the account.
	// Default: all.
	Repositories *[]*string

	// Template configures the repositories that ECR creates for this upstream. Unset fields are taken from
	// PullThroughCacheProps.Template.
	// Default: PullThroughCacheProps.Template.
	Template *RepositoryTemplate
}

// EcrUpstream is the private ECR registry of another account or another region, in the same partition.
type EcrUpstream struct {
	// Account is the 12-digit id of the account of the images. It must allow this account to pull, as
	// AllowPullThrough does.
	// Default: the account of the stack.
	Account *string

	// Region is the region of the images.
	// Default: the region of the stack.
	Region *string

	// Prefix is the prefix of the upstream repositories, which Upstream.Prefix replaces: with Prefix "base"
	// and Upstream.Prefix "shared", shared/go is base/go of the upstream. BuildKit's mirrors cannot express
	// that unless the two are equal, so Mirrors leaves such an upstream out.
	// Default: none; shared/base/go is base/go.
	Prefix *string

	// Role is the role that ECR assumes to read the upstream. It must be in the account of the rule and trust
	// pullthroughcache.ecr.amazonaws.com.
	// Default: a new role with exactly the permissions it needs.
	Role awsiam.IRole
}

func (u *Upstream) prefix() string {
	if u.Prefix != nil {
		return *u.Prefix
	}
	return u.Registry.DefaultPrefix()
}

// names returns the names, with wildcards, of the repositories that ECR creates for the upstream.
func (u *Upstream) names() []string {
	if u.prefix() != rootPrefix {
		return []string{u.prefix() + "/*"}
	}
	var names []string
	for _, pattern := range *u.Repositories {
		names = append(names, *pattern)
	}
	return names
}

// host returns the host of the upstream's image names.
func (u *Upstream) host(h home) string {
	switch {
	case u.Registry == Azure && u.AzureRegistry != nil:
		return *u.AzureRegistry + ".azurecr.io"
	case u.Registry == Ecr && u.Ecr != nil:
		return h.other(u.Ecr.Account, u.Ecr.Region).host()
	}
	return u.Registry.Host()
}

// url returns the UpstreamRegistryUrl of the rule.
func (u *Upstream) url(h home) string {
	if url := kinds[u.Registry].url; url != "" {
		return url
	}
	return u.host(h)
}

// id returns the part of construct ids that distinguishes upstreams: the registry, and the prefix if there
// can be several of that registry.
func (u *Upstream) id() string {
	if u.Registry == Azure || u.Registry == Ecr {
		return string(u.Registry) + "-" + strings.ReplaceAll(u.prefix(), "/", "-")
	}
	return string(u.Registry)
}
