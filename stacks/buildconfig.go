package stacks

// BuildConfig is one image to build. imagebuild.ImageBuildProps describes the settings in detail.
type BuildConfig struct {
	// Name is the id of the construct. The image repository is named after the configuration and the build,
	// such as layercache/api. Required.
	Name string `json:"name"`

	// Source is the location of the Dockerfile and its context. Required.
	Source SourceConfig `json:"source"`

	// Webhook builds pushes to FallbackBranch, and pull requests in a separate project that cannot write the
	// cache of release builds. Default: false.
	Webhook bool `json:"webhook"`
	// Schedule starts builds: "rate(1 day)" or "cron(0 3 * * ? *)". Default: none.
	Schedule string `json:"schedule"`

	// App is the first part of the cache tag. Default: Name.
	App string `json:"app"`
	// Dockerfile is the path of the Dockerfile in the source. Default: "Dockerfile".
	Dockerfile string `json:"dockerfile"`
	// Context is the path of the build context in the source. Default: ".".
	Context string `json:"context"`
	// Target is the stage to build. Default: the last stage.
	Target string `json:"target"`
	// Arguments are the values of ARG instructions. They must not be secrets. Default: none.
	Arguments map[string]string `json:"arguments"`
	// Platforms are platforms such as "linux/amd64" and "linux/arm64". Default: the platform of Architecture.
	Platforms []string `json:"platforms"`
	// Tags are the tags of the image. {commit}, {branch} and {build} are replaced. Default: "latest".
	Tags []string `json:"tags"`
	// FallbackBranch is the branch whose cache is imported after that of the built branch. Default: "main".
	FallbackBranch string `json:"fallbackBranch"`
	// CacheWrite exports the cache after the build. Default: true.
	CacheWrite *bool `json:"cacheWrite"`
	// Architecture is "amd64" or "arm64". Default: "amd64".
	Architecture string `json:"architecture"`
	// ComputeType is SMALL, MEDIUM, LARGE, X_LARGE or X2_LARGE. Default: "MEDIUM".
	ComputeType string `json:"computeType"`
	// TimeoutMinutes is the maximum duration of a build. Default: 60.
	TimeoutMinutes *float64 `json:"timeoutMinutes"`
	// LogRetentionDays is the retention time of logs. Default: 30.
	LogRetentionDays *float64 `json:"logRetentionDays"`
	// MetricsNamespace is the CloudWatch namespace of the metrics. Default: no metrics.
	MetricsNamespace string `json:"metricsNamespace"`
	// Environment are additional plain-text variables of release builds. Default: none.
	Environment map[string]string `json:"environment"`
	// PullRequestEnvironment are those of builds of pull requests. Default: none.
	PullRequestEnvironment map[string]string `json:"pullRequestEnvironment"`
	// PullRequestConcurrentBuilds is how many builds of pull requests may run at the same time; CodeBuild does
	// not queue further ones. Default: no limit but the account's.
	PullRequestConcurrentBuilds *float64 `json:"pullRequestConcurrentBuilds"`
	// HelperZip is the path of a prebuilt helper. Default: compiled from source.
	HelperZip string `json:"helperZip"`
}

// SourceConfig is the location of the Dockerfile and its context: exactly one key other than Version.
type SourceConfig struct {
	// Directory is a local directory, which each deployment uploads. A relative path starts at the directory
	// of cdk.json.
	Directory string `json:"directory"`
	// GitHub is OWNER/REPOSITORY at github.com.
	GitHub string `json:"github"`
	// GitLab is GROUP/PROJECT at gitlab.com.
	GitLab string `json:"gitlab"`
	// Bitbucket is WORKSPACE/REPOSITORY at bitbucket.org.
	Bitbucket string `json:"bitbucket"`

	// Version is the branch, tag or commit to build unless the start of a build names another. Not allowed
	// with Directory. Default: the default branch.
	Version string `json:"version"`
}
