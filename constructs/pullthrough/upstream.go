package pullthrough

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
)

// rootPrefix stands for every repository of the registry that no other rule has.
const rootPrefix = "ROOT"

// Upstream is a registry to cache from.
type Upstream struct {
	// Registry is the registry. Required.
	Registry UpstreamRegistry

	// Prefix starts the names of the repositories that ECR creates for the
	// registry: 2 to 30 characters, or ROOT for names without a prefix. An
	// account has each prefix once in a region.
	// Default: the name of the registry, such as "quay"; "github", "gitlab" and
	// "azure" for those.
	Prefix *string

	// Secret is what ECR signs in with: a user name and an access token under
	// the keys "username" and "accessToken". Its name starts with
	// "ecr-pullthroughcache/", it is in the account and region of the rule and
	// encrypted with the AWS managed key. Nobody who pulls gets to see it.
	// Required for DockerHub, GitHub, GitLab, Azure and Chainguard; refused for
	// the others.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
	Secret awssecretsmanager.ISecret

	// AzureRegistry is NAME of NAME.azurecr.io. Required for Azure, refused for
	// the others.
	AzureRegistry *string

	// Ecr names the private registry. Required for Ecr, refused for the others.
	Ecr *EcrUpstream

	// Repositories are the names below the upstream that GrantPull covers when
	// its options name none, such as "library/golang" or "my-organization/*".
	// Required with the prefix ROOT, which would else take in every repository of
	// the account.
	// Default: all.
	Repositories *[]*string

	// Template says what the repositories are like that ECR creates for this
	// upstream. A field of it that is not set is that of
	// PullThroughCacheProps.Template.
	// Default: PullThroughCacheProps.Template.
	Template *RepositoryTemplate
}

// EcrUpstream is the private ECR registry of another account or another region,
// in the same partition.
type EcrUpstream struct {
	// Account is the 12-digit id of the account that the images are in. It must
	// let this account in, as AllowPullThrough does.
	// Default: the account of the stack.
	Account *string

	// Region is the region that the images are in.
	// Default: the region of the stack.
	Region *string

	// Prefix starts the names of the upstream repositories and is replaced with
	// Upstream.Prefix: with the prefix "shared" and the upstream prefix "base",
	// shared/go is base/go. BuildKit's mirrors cannot say that unless the two are
	// equal, so Mirrors leaves such an upstream out.
	// Default: none; shared/base/go is base/go.
	Prefix *string

	// Role is the role that ECR takes to read the upstream, in the account of the
	// rule and trusting pullthroughcache.ecr.amazonaws.com.
	// Default: a new role with exactly the permissions it needs.
	Role awsiam.IRole
}

func (u *Upstream) prefix() string {
	switch {
	case u.Prefix != nil:
		return *u.Prefix
	case kinds[u.Registry].prefix != "":
		return kinds[u.Registry].prefix
	}
	return string(u.Registry)
}

// names are the names, with wildcards, of the repositories that ECR creates for
// the upstream.
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

// host is what the names of the upstream's images begin with.
func (u *Upstream) host(h home) string {
	switch {
	case u.Registry == Azure && u.AzureRegistry != nil:
		return *u.AzureRegistry + ".azurecr.io"
	case u.Registry == Ecr && u.Ecr != nil:
		return h.other(u.Ecr.Account, u.Ecr.Region).host()
	}
	return u.Registry.Host()
}

// url is the UpstreamRegistryUrl of the rule.
func (u *Upstream) url(h home) string {
	if url := kinds[u.Registry].url; url != "" {
		return url
	}
	return u.host(h)
}

// id tells the constructs of an upstream apart from those of another: by the
// registry, or by the prefix where there can be several of a kind.
func (u *Upstream) id() string {
	if u.Registry == Azure || u.Registry == Ecr {
		return string(u.Registry) + "-" + strings.ReplaceAll(u.prefix(), "/", "-")
	}
	return string(u.Registry)
}
