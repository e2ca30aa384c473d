// Package stacks turns the "layercache" context of cdk.json into the stacks of
// the app.
package stacks

// ContextKey is the key of the configuration in the context of cdk.json.
const ContextKey = "layercache"

// Config is the value of the context key. A key that is left out has its
// default; an unknown key is a problem.
type Config struct {
	// Name starts the names of the stacks, the repositories and the paths of the
	// service roles. Two deployments in one account need two names.
	// Default: "layercache".
	Name string `json:"name"`

	// Cache is where the cache repositories live, and who may use them.
	// Default: the account and region that the CDK CLI deploys to.
	Cache CacheConfig `json:"cache"`

	// Build is where the builds run, when they run in one account and region. An
	// account or region that is given for Cache or Build is given for both.
	// Default: the account and region that the CDK CLI deploys to.
	Build BuildPlace `json:"build"`

	// Environments are where the builds run, when there are several: any number
	// of accounts and regions, each with a stack of its own. Not together with
	// Build.
	// Default: none.
	Environments []EnvironmentConfig `json:"environments"`

	// PullThrough sets up the pull-through cache where the builds run.
	PullThrough PullThroughConfig `json:"pullThrough"`

	// Builds are the images to build: at least one. Every environment builds all
	// of them.
	Builds []BuildConfig `json:"builds"`
}

// CacheConfig is where the cache repositories live, and who may use them.
type CacheConfig struct {
	// Account is the 12-digit id.
	// Default: the account that the CDK CLI deploys to.
	Account string `json:"account"`

	// Region is such as "eu-central-1".
	// Default: the region that the CDK CLI deploys to.
	Region string `json:"region"`

	// Regions are several regions, each with caches of its own: builds use those
	// of their region, or those of the first one. Not together with Region.
	// Default: Region alone.
	Regions []string `json:"regions"`

	// Tiers are the caches by their names. Each is a repository of its own,
	// NAME/cache/TIER, so that no build writes what a more trusted one reads.
	// Builds of this configuration are let in without being named here.
	// Default: "dev" and "prod".
	Tiers map[string]TierConfig `json:"tiers"`

	// Encryption is AES256, KMS, or KMS_DSSE in GovCloud. It cannot be changed
	// later without new repositories.
	// Default: "AES256", or "KMS" with EncryptionKey.
	Encryption string `json:"encryption"`

	// EncryptionKey is the ARN of a KMS key of Region.
	// Default: with KMS, the AWS managed key aws/ecr.
	EncryptionKey string `json:"encryptionKey"`
}

// TierConfig is one cache.
type TierConfig struct {
	// Readers may import from it, besides the builds that use the tier.
	// Default: none.
	Readers []PartyConfig `json:"readers"`

	// Writers may import from it and export to it, besides those builds.
	// Default: none.
	Writers []PartyConfig `json:"writers"`
}

// PartyConfig is a set of principals of other accounts. What its keys mean is
// told at cacherepo.Party.
type PartyConfig struct {
	// Account is the 12-digit id.
	Account string `json:"account"`
	// OrganizationID is such as "o-a1b2c3d4e5".
	OrganizationID string `json:"organizationId"`
	// OrganizationPaths are such as "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*".
	OrganizationPaths []string `json:"organizationPaths"`
	// RolePath is such as "/ci/release/".
	RolePath string `json:"rolePath"`
}

// BuildPlace is where builds run, and which caches they use.
type BuildPlace struct {
	// Account is the 12-digit id.
	// Default: the account that the CDK CLI deploys to.
	Account string `json:"account"`

	// Region is such as "eu-central-1".
	// Default: the region that the CDK CLI deploys to.
	Region string `json:"region"`

	// Tier is the cache that builds read and write.
	// Default: "prod", or the only tier there is.
	Tier string `json:"tier"`

	// PullRequests has the webhooks of the builds start builds of pull requests
	// here.
	// Default: true.
	PullRequests *bool `json:"pullRequests"`

	// PullRequestTier is the cache that builds of pull requests write. They read
	// that of Tier.
	// Default: none; they write no cache.
	PullRequestTier string `json:"pullRequestTier"`

	// Connection is the ARN of a connection of AWS CodeConnections, in the
	// account of the builds, to the Git host of their sources.
	// Default: the credential of the account for the host.
	Connection string `json:"connection"`
}

// EnvironmentConfig is one of several places where builds run.
type EnvironmentConfig struct {
	// Name ends the name of the stack. Required.
	Name string `json:"name"`
	// Account is the 12-digit id. Required.
	Account string `json:"account"`
	// Region is such as "eu-central-1". Required.
	Region string `json:"region"`
	// Tier is the cache that builds read and write.
	// Default: the tier of the environment's own name, or the only tier.
	Tier string `json:"tier"`
	// PullRequests has the webhooks of the builds start builds of pull requests
	// here.
	// Default: true.
	PullRequests *bool `json:"pullRequests"`
	// PullRequestTier is the cache that builds of pull requests write.
	// Default: none; they write no cache.
	PullRequestTier string `json:"pullRequestTier"`
	// Connection is the ARN of a connection of AWS CodeConnections.
	// Default: the credential of the account for the host.
	Connection string `json:"connection"`
}

// PullThroughConfig sets up the pull-through cache.
type PullThroughConfig struct {
	// Enabled makes the rules. An account has them once in a region for each
	// prefix. The regions of China and GovCloud do not have them.
	// Default: true, where the region is not known to lack them.
	Enabled *bool `json:"enabled"`

	// Prefixes name the repository prefix for each upstream: ecr-public, k8s and
	// quay, and those that Secrets names. With any given, only the upstreams
	// given here and in Secrets are cached.
	// Default: ecr-public, k8s and quay, each under its own name.
	Prefixes map[string]string `json:"prefixes"`

	// Secrets name the Secrets Manager secret, such as
	// "ecr-pullthroughcache/docker-hub", that ECR signs in with for each of these
	// upstreams: docker-hub, github-container-registry,
	// gitlab-container-registry and chainguard. Each account and region where
	// builds run has a secret of that name.
	// Default: none.
	Secrets map[string]string `json:"secrets"`
}
