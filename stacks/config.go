// Package stacks turns the "layercache" context of cdk.json into CDK stacks.
package stacks

// ContextKey is the key of the configuration in the context of cdk.json.
const ContextKey = "layercache"

// Config is the value of the context key. Keys that are left out have their defaults. Unknown keys are
// reported as problems.
type Config struct {
	// Name is the prefix of the names of stacks and repositories and of the paths of service roles. Two
	// deployments in one account need different names.
	// Default: "layercache".
	Name string `json:"name"`

	// Cache configures the cache repositories: where they are and who may use them.
	// Default: the account and region that the CDK CLI deploys to.
	Cache CacheConfig `json:"cache"`

	// Build is the account and region of the builds, if there is only one. If Cache or Build sets an account
	// or region, both must.
	// Default: the account and region that the CDK CLI deploys to.
	Build BuildPlace `json:"build"`

	// Environments are the accounts and regions of the builds, if there are several. Each has its own stack.
	// Cannot be combined with Build.
	// Default: none.
	Environments []EnvironmentConfig `json:"environments"`

	// PullThrough configures the pull-through cache in the accounts and regions of the builds.
	PullThrough PullThroughConfig `json:"pullThrough"`

	// Builds are the images to build, at least one. Every environment builds all of them.
	Builds []BuildConfig `json:"builds"`
}

// CacheConfig configures the cache repositories: where they are and who may use them.
type CacheConfig struct {
	// Account is a 12-digit account id.
	// Default: the account that the CDK CLI deploys to.
	Account string `json:"account"`

	// Region is a region such as "eu-central-1".
	// Default: the region that the CDK CLI deploys to.
	Region string `json:"region"`

	// Regions are several regions with their own caches. Builds use the caches of their region, or else of
	// the first one. Cannot be combined with Region.
	// Default: only Region.
	Regions []string `json:"regions"`

	// Tiers are the caches by name. Each is a separate repository, NAME/cache/TIER, so that no build can
	// write a cache that a more trusted build reads. Builds of this configuration have access without being
	// listed here.
	// Default: "dev" and "prod".
	Tiers map[string]TierConfig `json:"tiers"`

	// Encryption is AES256, KMS, or KMS_DSSE in GovCloud. A change replaces the repositories.
	// Default: "AES256", or "KMS" with EncryptionKey.
	Encryption string `json:"encryption"`

	// EncryptionKey is the ARN of a KMS key in Region.
	// Default: the AWS managed key aws/ecr, with KMS.
	EncryptionKey string `json:"encryptionKey"`
}

// TierConfig configures the access to one cache.
type TierConfig struct {
	// Readers may import from the cache, in addition to the builds that use the tier.
	// Default: none.
	Readers []PartyConfig `json:"readers"`

	// Writers may import from and export to the cache, in addition to the builds that use the tier.
	// Default: none.
	Writers []PartyConfig `json:"writers"`
}

// PartyConfig is a set of principals of other accounts. access.Party describes the keys.
type PartyConfig struct {
	// Account is a 12-digit account id.
	Account string `json:"account"`
	// OrganizationID is an id such as "o-a1b2c3d4e5".
	OrganizationID string `json:"organizationId"`
	// OrganizationPaths are paths such as "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*".
	OrganizationPaths []string `json:"organizationPaths"`
	// RolePath is a path such as "/ci/release/".
	RolePath string `json:"rolePath"`
}

// BuildPlace is an account and region of builds, and the caches that they use.
type BuildPlace struct {
	// Account is a 12-digit account id.
	// Default: the account that the CDK CLI deploys to.
	Account string `json:"account"`

	// Region is a region such as "eu-central-1".
	// Default: the region that the CDK CLI deploys to.
	Region string `json:"region"`

	// Tier is the cache that builds read and write.
	// Default: "prod", or the only tier.
	Tier string `json:"tier"`

	// PullRequests makes the webhooks start builds of pull requests here.
	// Default: true.
	PullRequests *bool `json:"pullRequests"`

	// PullRequestTier is the cache that builds of pull requests write. They read the cache of Tier.
	// Default: none; builds of pull requests write no cache.
	PullRequestTier string `json:"pullRequestTier"`

	// Connection is the ARN of a connection of AWS CodeConnections, in the account of the builds, to the Git
	// host of their sources.
	// Default: the account's CodeBuild credential for the host.
	Connection string `json:"connection"`
}

// EnvironmentConfig is one of several accounts and regions of builds.
type EnvironmentConfig struct {
	// Name is the suffix of the stack's name. Required.
	Name string `json:"name"`
	// Account is a 12-digit account id. Required.
	Account string `json:"account"`
	// Region is a region such as "eu-central-1". Required.
	Region string `json:"region"`
	// Tier is the cache that builds read and write.
	// Default: the tier with the environment's name, or the only tier.
	Tier string `json:"tier"`
	// PullRequests makes the webhooks start builds of pull requests here.
	// Default: true.
	PullRequests *bool `json:"pullRequests"`
	// PullRequestTier is the cache that builds of pull requests write.
	// Default: none; builds of pull requests write no cache.
	PullRequestTier string `json:"pullRequestTier"`
	// Connection is the ARN of a connection of AWS CodeConnections.
	// Default: the account's CodeBuild credential for the host.
	Connection string `json:"connection"`
}

// PullThroughConfig configures the pull-through cache.
type PullThroughConfig struct {
	// Enabled creates pull-through cache rules. A prefix can be used once per account and region. The regions
	// of China and GovCloud have no pull-through cache.
	// Default: true, except in China and GovCloud.
	Enabled *bool `json:"enabled"`

	// Prefixes are the repository prefixes by upstream: ecr-public, k8s, quay and the upstreams of Secrets.
	// If set, only the upstreams listed here and in Secrets are cached.
	// Default: ecr-public, k8s and quay, each with its name as the prefix.
	Prefixes map[string]string `json:"prefixes"`

	// Secrets are the names of the Secrets Manager secrets with which ECR signs in, such as
	// "ecr-pullthroughcache/docker-hub", by upstream: docker-hub, github-container-registry,
	// gitlab-container-registry and chainguard. Each account and region of builds must have a secret with
	// that name.
	// Default: none.
	Secrets map[string]string `json:"secrets"`
}
