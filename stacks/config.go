// Package stacks turns the "layercache" context of cdk.json into the stacks of
// the app.
package stacks

// ContextKey is the key of the configuration in the context of cdk.json.
const ContextKey = "layercache"

// Config is the value of the context key. A key that is left out has its
// default; an unknown key is a problem.
type Config struct {
	// Name starts the names of the stacks, the repositories and the path of the
	// service roles. Two deployments in one account need two names.
	// Default: "layercache".
	Name string `json:"name"`

	// Cache is where the cache repository lives.
	// Default: the account and region that the CDK CLI deploys to.
	Cache Environment `json:"cache"`

	// Build is where the builds run. It may be another account than Cache; an
	// account or region that is given for one of them is given for both.
	// Default: the account and region that the CDK CLI deploys to.
	Build Environment `json:"build"`

	// PullThrough sets up the pull-through cache in the account of the builds.
	PullThrough PullThroughConfig `json:"pullThrough"`

	// Builds are the images to build: at least one.
	Builds []BuildConfig `json:"builds"`
}

// Environment is an account and a region of AWS.
type Environment struct {
	// Account is the 12-digit id.
	// Default: the account that the CDK CLI deploys to.
	Account string `json:"account"`

	// Region is such as "eu-central-1".
	// Default: the region that the CDK CLI deploys to.
	Region string `json:"region"`
}

// PullThroughConfig sets up the pull-through cache.
type PullThroughConfig struct {
	// Enabled makes the rules. An account has them once in a region for each
	// prefix, and the regions of China and GovCloud do not have them: say false
	// there.
	// Default: true.
	Enabled *bool `json:"enabled"`

	// Prefixes name the repository prefix for each upstream: ecr-public, k8s
	// and quay. With any given, only the upstreams given are cached.
	// Default: all three, each under its own name.
	Prefixes map[string]string `json:"prefixes"`
}

// BuildConfig is one image to build. What its keys mean is told at the props of
// imagebuild.ImageBuild.
type BuildConfig struct {
	// Name is the id of the construct and, after the name of the configuration,
	// the name of the image repository. Required.
	Name string `json:"name"`

	// Source is where the Dockerfile is. Required.
	Source SourceConfig `json:"source"`

	// App starts the tag of the cache. Default: Name.
	App string `json:"app"`
	// Dockerfile is its path in the source. Default: "Dockerfile".
	Dockerfile string `json:"dockerfile"`
	// Context is the path of the build context in the source. Default: ".".
	Context string `json:"context"`
	// Tag is the tag of the image. Default: "latest".
	Tag string `json:"tag"`
	// FallbackBranch is the branch whose cache is imported second. Default: "main".
	FallbackBranch string `json:"fallbackBranch"`
	// CacheWrite exports the cache after the build. Default: true.
	CacheWrite *bool `json:"cacheWrite"`
	// Architecture is "amd64" or "arm64". Default: "amd64".
	Architecture string `json:"architecture"`
	// ComputeType is SMALL, MEDIUM, LARGE, X_LARGE or X2_LARGE. Default: "MEDIUM".
	ComputeType string `json:"computeType"`
	// TimeoutMinutes ends the build. Default: 60.
	TimeoutMinutes *float64 `json:"timeoutMinutes"`
	// LogRetentionDays is how long logs are kept. Default: 30.
	LogRetentionDays *float64 `json:"logRetentionDays"`
	// Environment are further plain-text variables. Default: none.
	Environment map[string]string `json:"environment"`
	// HelperZip is a prebuilt helper. Default: compiled from source.
	HelperZip string `json:"helperZip"`
}

// SourceConfig is where the Dockerfile and its context come from.
type SourceConfig struct {
	// Directory is a local directory, uploaded with each deployment. A relative
	// path starts at the directory of cdk.json. Required.
	Directory string `json:"directory"`
}

const defaultName = "layercache"

// cacheRepositoryName is the physical name, so that the stack of another
// account can name the repository without a reference.
func (c *Config) cacheRepositoryName() string { return c.Name + "/cache" }

func (c *Config) imageRepositoryName(b BuildConfig) string { return c.Name + "/" + b.Name }

// rolePath holds the service roles of the builds, for the cache to trust.
func (c *Config) rolePath() string { return "/" + c.Name + "/build/" }

func (c *Config) pullThroughEnabled() bool {
	return c.PullThrough.Enabled == nil || *c.PullThrough.Enabled
}

// crossAccount tells whether the builds run in another account than the cache.
func (c *Config) crossAccount() bool { return c.Cache.Account != c.Build.Account }
