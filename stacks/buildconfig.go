package stacks

// BuildConfig is one image to build. What its keys mean is told at the props of
// imagebuild.ImageBuild.
type BuildConfig struct {
	// Name is the id of the construct and, after the name of the configuration,
	// the name of the image repository. Required.
	Name string `json:"name"`

	// Source is where the Dockerfile is. Required.
	Source SourceConfig `json:"source"`

	// Webhook builds pushes to FallbackBranch, and pull requests in a project of
	// their own that cannot write what release builds read. Default: false.
	Webhook bool `json:"webhook"`
	// Schedule starts builds: "rate(1 day)" or "cron(0 3 * * ? *)". Default: none.
	Schedule string `json:"schedule"`

	// App starts the tag of the cache. Default: Name.
	App string `json:"app"`
	// Dockerfile is its path in the source. Default: "Dockerfile".
	Dockerfile string `json:"dockerfile"`
	// Context is the path of the build context in the source. Default: ".".
	Context string `json:"context"`
	// Target is the stage to build. Default: the last.
	Target string `json:"target"`
	// Arguments are the values of ARG instructions: no secrets. Default: none.
	Arguments map[string]string `json:"arguments"`
	// Platforms are such as "linux/amd64" and "linux/arm64". Default: that of
	// Architecture.
	Platforms []string `json:"platforms"`
	// Tags are the tags of the image; {commit}, {branch} and {build} in them are
	// filled in. Default: "latest".
	Tags []string `json:"tags"`
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
	// MetricsNamespace is where the helper's metrics go in CloudWatch. Default:
	// no metrics.
	MetricsNamespace string `json:"metricsNamespace"`
	// Environment are further plain-text variables of release builds. Default: none.
	Environment map[string]string `json:"environment"`
	// PullRequestEnvironment are those of builds of pull requests. Default: none.
	PullRequestEnvironment map[string]string `json:"pullRequestEnvironment"`
	// PullRequestConcurrentBuilds is how many builds of pull requests may run at a
	// time; CodeBuild does not queue those beyond it. Default: as many as the
	// account may run.
	PullRequestConcurrentBuilds *float64 `json:"pullRequestConcurrentBuilds"`
	// HelperZip is a prebuilt helper. Default: compiled from source.
	HelperZip string `json:"helperZip"`
}

// SourceConfig is where the Dockerfile and its context come from: exactly one
// of its keys but Version.
type SourceConfig struct {
	// Directory is a local directory, uploaded with each deployment. A relative
	// path starts at the directory of cdk.json.
	Directory string `json:"directory"`
	// GitHub is OWNER/REPOSITORY at github.com.
	GitHub string `json:"github"`
	// GitLab is GROUP/PROJECT at gitlab.com.
	GitLab string `json:"gitlab"`
	// Bitbucket is WORKSPACE/REPOSITORY at bitbucket.org.
	Bitbucket string `json:"bitbucket"`

	// Version is the branch, tag or commit that is built when nothing else says;
	// not with Directory. Default: the default branch.
	Version string `json:"version"`
}
