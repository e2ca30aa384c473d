package stacks

// The tag "prop" of a key is the path of the prop of the construct that it sets. Messages about the prop name
// the key. The tags "enum" and "pattern" are for the JSON schema, and for each value of a list or map. The tag
// "otherwise" has names that other tools give to the same thing.

// BuildConfig is one image to build. The props of ImageBuild with the same names say more about them.
type BuildConfig struct {
	// Name is the id of the construct. The image repository is named after the configuration and the build,
	// such as layercache/api. Required.
	Name string `json:"name" pattern:"^[a-z0-9]([._-]?[a-z0-9]){0,63}$"`

	// Source is the location of the Dockerfile and its context. Required.
	Source SourceConfig `json:"source" prop:"Source"`

	// Stack puts the build into the stack NAME-build-STACK. Do not change it for a build that is deployed, see
	// docs/how-to/many-builds.md. Default: a stack chosen by Stacks of the configuration.
	Stack string `json:"stack"`

	// Webhook builds pushes to FallbackBranch, and pull requests in a separate project that cannot write the
	// cache of release builds. An object chooses the pushes.
	// Default: false.
	Webhook *WebhookConfig `json:"webhook" prop:"Triggers.Webhook"`
	// Schedule starts builds: "rate(1 day)" or "cron(0 3 * * ? *)".
	// Default: none.
	Schedule string `json:"schedule" prop:"Triggers.Schedule"`
	// RefreshOnSchedule makes scheduled builds ignore the cache and replace it, so that they install new
	// packages of a distribution.
	// Default: false.
	RefreshOnSchedule *bool `json:"refreshOnSchedule" prop:"Triggers.RefreshOnSchedule"`
	// BaseImages are images in ECR, in the account and region of the builds, that start a build when they are
	// pushed or when a pull-through cache fetches a newer one: "layercache/base:latest", or for golang:1.26 of
	// Docker Hub "docker-hub/library/golang:1.26".
	// Default: none.
	BaseImages []string `json:"baseImages" prop:"Triggers.BaseImages"`

	// Deploy makes cdk deploy build the image, wait for it, and fail if the build fails.
	// Default: false.
	Deploy *DeployConfig `json:"deploy" prop:"BuildOnDeploy"`
	// RollOut deploys the image of each release build that succeeds to existing services and functions.
	// Default: none; the image is pushed.
	RollOut *RollOutConfig `json:"rollOut"`

	// App is the first part of the cache tag.
	// Default: Name.
	App string `json:"app" prop:"App" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"`
	// Bake builds the targets of a bake or Compose file, each with its own cache, instead of one image:
	// docs/how-to/bake.md. Not with builds of pull requests.
	// Default: one image.
	Bake *BakeConfig `json:"bake" prop:"Bake" otherwise:"compose"`

	// Dockerfile is the path of the Dockerfile in the source.
	// Default: "Dockerfile".
	Dockerfile string `json:"dockerfile" prop:"Dockerfile"`
	// Context is the path of the build context in the source.
	// Default: ".".
	Context string `json:"context" prop:"Context"`
	// Target is the stage to build.
	// Default: the last stage.
	Target string `json:"target" prop:"Build.Target"`
	// Arguments are the values of ARG instructions. They must not be secrets.
	// Default: none.
	Arguments map[string]string `json:"arguments" prop:"Build.Arguments" otherwise:"args buildArgs build-arg build-args build_args"`
	// Secrets are mounted for RUN --mount=type=secret,id=ID, by ID.
	// Default: none.
	Secrets map[string]SecretConfig `json:"secrets" prop:"Build.Secrets"`
	// Platforms are platforms such as "linux/amd64" and "linux/arm64".
	// Default: the platform of Architecture.
	Platforms []string `json:"platforms" prop:"Build.Platforms" pattern:"^linux/[a-z0-9]+(/v[0-9]+)?$"`
	// CrossCompile builds all Platforms on one machine. The Dockerfile compiles for $TARGETPLATFORM in stages
	// FROM --platform=$BUILDPLATFORM.
	// Default: false.
	CrossCompile *bool `json:"crossCompile" prop:"Build.CrossCompile"`
	// Extra are further arguments of docker buildx build in release builds, each as one string, such as
	// "--label=team=shop".
	// Default: none.
	Extra []string `json:"extra" prop:"Build.Extra"`

	// ImageName is the name of the new image repository, with Bake the first part of the names of the new ones.
	// Default: NAME/BUILD, such as "layercache/api".
	ImageName string `json:"imageName" prop:"ImageName"`
	// ImageRepository is the name or ARN of an existing ECR repository that the image is pushed to, in place
	// of a new one.
	// Default: a new repository, named ImageName.
	ImageRepository string `json:"imageRepository" prop:"Image"`
	// Tags are the tags of the image. {commit}, {branch} and {build} are replaced.
	// Default: "latest".
	Tags []string `json:"tags" prop:"Tags"`
	// SigningProfiles are the ARNs of the AWS Signer profiles with which ECR signs the pushed image.
	// Default: none.
	SigningProfiles []string `json:"signingProfiles" prop:"SigningProfiles" pattern:"^arn:aws[a-z-]*:signer:[a-z0-9-]+:[0-9]{12}:/signing-profiles/[A-Za-z0-9_]{2,64}$"`
	// Purpose is the service that runs the image. It sets the default of Attestations, and keys that make an
	// image which the service refuses are errors.
	// Default: any service.
	Purpose string `json:"purpose" prop:"Purpose" enum:"lambda fargate ecs app-runner"`
	// ImageCompression is how the layers of the image are compressed.
	// Default: "gzip".
	ImageCompression string `json:"imageCompression" prop:"ImageCompression" enum:"gzip zstd"`
	// Attestations is the form of the attestations of the image. AWS Lambda requires "none".
	// Default: "none" with Purpose "lambda" and "app-runner", otherwise "image-manifest".
	Attestations string `json:"attestations" prop:"Attestations" enum:"image-manifest oci-artifact none"`
	// Provenance is the value of buildx's --provenance, such as "mode=max" or "false".
	// Default: that of buildx.
	Provenance string `json:"provenance" prop:"Build.Provenance"`
	// Sbom adds a software bill of materials to the image.
	// Default: that of buildx.
	Sbom *bool `json:"sbom" prop:"Build.Sbom"`

	// FallbackBranch is the branch whose cache is imported if the built branch has none.
	// Default: "main".
	FallbackBranch string `json:"fallbackBranch" prop:"FallbackBranch"`
	// CacheMode is where layers are kept: "registry" in the repository of the tier, "s3" in CacheBucket,
	// "inline" and "image" in the image, "local" on the build machine, and "off" nowhere.
	// Default: "registry".
	CacheMode string `json:"cacheMode" prop:"CacheMode" enum:"registry inline image local s3 off"`
	// CacheBucket is the name of the bucket that keeps the layers, with CacheMode "s3".
	// Default: none.
	CacheBucket string `json:"cacheBucket" prop:"CacheBucket"`
	// CacheBucketKey is the ARN of the KMS key that encrypts CacheBucket.
	// Default: none; the bucket has no KMS key.
	CacheBucketKey string `json:"cacheBucketKey" pattern:"^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"`
	// CachePrefix is the prefix of the layers' keys in CacheBucket. It ends with a slash.
	// Default: "layercache/".
	CachePrefix string `json:"cachePrefix" prop:"CachePrefix" pattern:"^([A-Za-z0-9_-][A-Za-z0-9._-]*/)+$"`
	// CacheWrite exports the cache after the build.
	// Default: true.
	CacheWrite *bool `json:"cacheWrite" prop:"CacheWrite"`
	// CachePolicy is what builds do about a cache that does not pay: "advise" says so, "act" uses all layers, those of
	// the last stage or no cache, whichever made the last builds shortest.
	// Default: "advise".
	CachePolicy string `json:"cachePolicy" prop:"CachePolicy" enum:"advise act"`
	// CacheCompression is how cached layers are compressed that are not in the image: "auto" is zstd in a build that
	// writes an image, otherwise as ImageCompression.
	// Default: "auto".
	CacheCompression string `json:"cacheCompression" prop:"CacheCompression" enum:"auto gzip zstd"`
	// CacheMounts are the ids of the cache mounts (RUN --mount=type=cache) that are kept with the cache, or
	// ["off"]. The id of a mount without id= is its target.
	// Default: ["auto"], all mounts.
	CacheMounts []string `json:"cacheMounts" prop:"CacheMounts"`
	// CacheMountLimitMiB is the largest size of a kept cache mount in mebibytes.
	// Default: 2 GB.
	CacheMountLimitMiB *float64 `json:"cacheMountLimitMiB" prop:"CacheMountLimit"`

	// Architecture is the architecture of the build machine, and so of the image.
	// Default: "amd64".
	Architecture string `json:"architecture" prop:"Architecture" enum:"amd64 arm64"`
	// BuildImages are the images of the build machines, such as "aws/codebuild/amazonlinux-x86_64-standard:5.0",
	// by architecture.
	// Default: the newest Amazon Linux 2023 images.
	BuildImages map[string]string `json:"buildImages" prop:"BuildImages"`
	// ComputeType is the size of the build machine.
	// Default: "MEDIUM".
	ComputeType string `json:"computeType" prop:"ComputeType" enum:"SMALL MEDIUM LARGE X_LARGE X2_LARGE"`
	// Fleet is the ARN of a fleet of reserved machines. Only with one account and region of builds.
	// Default: machines on demand.
	Fleet string `json:"fleet" prop:"Fleet" pattern:"^arn:[a-z0-9-]+:codebuild:[a-z0-9-]+:[0-9]{12}:fleet/.+$"`
	// DockerServer keeps a Docker server between builds, whose builder they use.
	// Default: false; each build starts its own builder.
	DockerServer *DockerServerConfig `json:"dockerServer" prop:"DockerServer"`
	// Builder is the builder that builds use.
	// Default: "docker" with DockerServer and with CacheMode "image" and "local", otherwise "auto".
	Builder string `json:"builder" prop:"Builder" enum:"auto native container docker"`
	// Network runs the build in another VPC, only with one account and region of builds. With false it runs in
	// CodeBuild's own network.
	// Default: the Network of Build or of the environment.
	Network *NetworkConfig `json:"network" prop:"Network"`

	// TimeoutMinutes is the maximum duration of a build: 5 to 2160, with deploy at most 50, or 40 for two architectures.
	// Default: 60.
	TimeoutMinutes *float64 `json:"timeoutMinutes" prop:"Timeout"`
	// QueuedTimeoutMinutes is how long a build may wait for its start: 5 to 480, with deploy at most 50, or 40 for two architectures.
	// Default: 480.
	QueuedTimeoutMinutes *float64 `json:"queuedTimeoutMinutes" prop:"QueuedTimeout"`
	// AutoRetryLimit is how often CodeBuild retries a failed build, 0 to 10.
	// Default: 0.
	AutoRetryLimit *float64 `json:"autoRetryLimit" prop:"AutoRetryLimit" otherwise:"retries retry"`
	// ConcurrentBuilds is how many builds may run at the same time.
	// Default: the limit of the account.
	ConcurrentBuilds *float64 `json:"concurrentBuilds" prop:"ConcurrentBuildLimit"`

	// LogGroup is the name of an existing log group for release builds.
	// Default: a new log group.
	LogGroup string `json:"logGroup" prop:"LogGroup"`
	// LogRetentionDays is the retention time of the logs in new log groups.
	// Default: 30.
	LogRetentionDays *float64 `json:"logRetentionDays" prop:"LogRetention"`
	// Reports shows the steps of each build among the test reports of CodeBuild.
	// Default: false.
	Reports *bool `json:"reports" prop:"Reports"`
	// MetricsNamespace is the CloudWatch namespace of the metrics.
	// Default: the namespace of Dashboard; without a dashboard no metrics.
	MetricsNamespace string `json:"metricsNamespace" prop:"MetricsNamespace"`
	// Environment are additional plain-text variables of release builds.
	// Default: none.
	Environment map[string]string `json:"environment" prop:"Environment"`

	// PullRequests makes Webhook build pull requests.
	// Default: true.
	PullRequests *bool `json:"pullRequests" prop:"PullRequests"`
	// PullRequestTargets are the branches into which pull requests are to be merged, in the form of branches
	// of Webhook.
	// Default: all branches.
	PullRequestTargets []string `json:"pullRequestTargets"`
	// PullRequestApproval decides which pull requests wait for a comment of an approver: DISABLED means none. With
	// GitHubEnterprise it is only in force if you create the webhook with the command in cdk.out/first-deployment.md.
	// Default: "FORK_PULL_REQUESTS".
	PullRequestApproval string `json:"pullRequestApproval" prop:"PullRequests.Approval" enum:"DISABLED FORK_PULL_REQUESTS ALL_PULL_REQUESTS"`
	// PullRequestApproverRoles are the roles at the Git host whose holders approve, such as "GITHUB_WRITE".
	// Default: those who may write to the repository.
	PullRequestApproverRoles []string `json:"pullRequestApproverRoles" prop:"PullRequests.ApproverRoles" pattern:"^(GITHUB|GITLAB|BITBUCKET)_[A-Z]+$"`
	// PullRequestImageRepository is the name or ARN of an existing ECR repository that images of pull requests
	// are pushed to.
	// Default: none; the image is built and not pushed.
	PullRequestImageRepository string `json:"pullRequestImageRepository" prop:"PullRequests.Image"`
	// PullRequestTags are the tags in PullRequestImageRepository.
	// Default: "{commit}".
	PullRequestTags []string `json:"pullRequestTags" prop:"PullRequests.Tags"`
	// PullRequestSecrets gives Secrets to builds of pull requests, whose Dockerfile can print them.
	// Default: false.
	PullRequestSecrets *bool `json:"pullRequestSecrets" prop:"PullRequests.Secrets"`
	// PullRequestFirstPulls lets builds of pull requests make the first pull of a base image through the
	// pull-through cache. Then they can create the repository of a base image with any settings.
	// Default: false.
	PullRequestFirstPulls *bool `json:"pullRequestFirstPulls" prop:"PullRequests.FirstPulls"`
	// PullRequestEnvironment are the additional variables of builds of pull requests.
	// Default: none.
	PullRequestEnvironment map[string]string `json:"pullRequestEnvironment" prop:"PullRequests.Environment"`
	// PullRequestExtra are further arguments of docker buildx build in builds of pull requests.
	// Default: none.
	PullRequestExtra []string `json:"pullRequestExtra" prop:"PullRequests.Extra"`
	// PullRequestConcurrentBuilds is how many builds of pull requests may run at the same time; CodeBuild does
	// not queue further ones.
	// Default: ConcurrentBuilds.
	PullRequestConcurrentBuilds *float64 `json:"pullRequestConcurrentBuilds" prop:"PullRequests.ConcurrentBuildLimit"`

	// HelperZip is the path of a prebuilt helper.
	// Default: compiled from source.
	HelperZip string `json:"helperZip" prop:"HelperZip"`
}

// SourceConfig is the location of the Dockerfile and its context: exactly one of directory, github,
// githubEnterprise, gitlab, gitlabSelfManaged, bitbucket, codecommit and s3.
type SourceConfig struct {
	// Directory is a local directory, which each deployment uploads. A relative path starts at the directory
	// of cdk.json.
	Directory string `json:"directory"`
	// GitHub is OWNER/REPOSITORY at github.com, or the address of the repository.
	GitHub string `json:"github"`
	// GitHubEnterprise is the HTTPS URL of a repository of a GitHub Enterprise Server. CloudFormation makes no
	// webhook for it: the commands are in cdk.out/first-deployment.md.
	GitHubEnterprise string `json:"githubEnterprise" pattern:"^https://"`
	// GitLab is GROUP/PROJECT at gitlab.com, or the address of the project.
	GitLab string `json:"gitlab"`
	// GitLabSelfManaged is the HTTPS URL of a project of a self-managed GitLab server.
	GitLabSelfManaged string `json:"gitlabSelfManaged" pattern:"^https://"`
	// Bitbucket is WORKSPACE/REPOSITORY at bitbucket.org, or the address of the repository.
	Bitbucket string `json:"bitbucket"`
	// CodeCommit is the name of a repository of AWS CodeCommit in the account and region of the builds.
	CodeCommit string `json:"codecommit"`
	// S3 is a zip in a bucket: "BUCKET/KEY".
	S3 string `json:"s3" pattern:"^[^/]+/.+$"`

	// Version is the branch, tag or commit to build unless the start of a build names another. Only with a
	// repository.
	// Default: the default branch.
	Version string `json:"version" prop:"Version" otherwise:"branch ref tag commit"`
	// Exclude are glob patterns of files that are not uploaded. Only with Directory.
	// Default: .git, cdk.out and node_modules.
	Exclude []string `json:"exclude" prop:"Exclude"`
	// Connection is the ARN of a connection of AWS CodeConnections to the Git host. Only with one account and
	// region of builds.
	// Default: the Connection of Build or of the environment.
	Connection string `json:"connection" prop:"ConnectionArn"`
	// Secret is the complete ARN of a Secrets Manager secret with a token for the Git host, in the form that
	// CodeBuild reads. Cannot be combined with a connection, and not for GitLab. Only with one account and
	// region of builds.
	// Default: none.
	Secret string `json:"secret" prop:"Secret" pattern:"^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+-[A-Za-z0-9]{6}$"`
	// CloneDepth is the number of commits to fetch, 1 to 25. Only at a Git host.
	// Default: all.
	CloneDepth *float64 `json:"cloneDepth" prop:"CloneDepth"`
	// Submodules fetches the Git submodules. Only with a repository.
	// Default: false.
	Submodules *bool `json:"submodules" prop:"Submodules"`
	// ReportStatus shows the state of a build at its commit. Only at a Git host.
	// Default: true.
	ReportStatus *bool `json:"reportStatus" prop:"ReportStatus"`
}

// WebhookConfig chooses the events of the Git host that start builds. In branches, tags and paths, * stands for
// any text without a slash, ** for any text, and ? for one character.
type WebhookConfig struct {
	// Enabled creates the webhook.
	// Default: true.
	Enabled *bool `json:"enabled"`
	// Branches are the branches whose pushes are built: "main", "release/*".
	// Default: only FallbackBranch.
	Branches []string `json:"branches"`
	// Tags are the Git tags whose pushes are built: "v*". Paths do not apply to them.
	// Default: none.
	Tags []string `json:"tags"`
	// Paths limit pushes to branches, and pull requests, to those that change one of these files: "api/**",
	// "go.mod". A path without * is a file or a folder.
	// Default: all files.
	Paths []string `json:"paths"`
	// Filters are CodeBuild's own filter groups, in place of all other keys about events. An event that
	// matches one group starts a build.
	// Default: none.
	Filters []FilterConfig `json:"filters" prop:"Filters"`
}

// FilterConfig matches an event that is one of Events and fulfils all Conditions.
type FilterConfig struct {
	// Events are the events that the group matches. Required.
	Events []string `json:"events" prop:"Events" enum:"PUSH RELEASED PRERELEASED PULL_REQUEST_CREATED PULL_REQUEST_UPDATED PULL_REQUEST_REOPENED PULL_REQUEST_CLOSED PULL_REQUEST_MERGED"`
	// Conditions must all be true of the event.
	// Default: none.
	Conditions []ConditionConfig `json:"conditions" prop:"Conditions"`
}

// ConditionConfig is one condition on an event.
type ConditionConfig struct {
	// Type is the property of the event. Required.
	Type string `json:"type" prop:"Type" enum:"HEAD_REF BASE_REF FILE_PATH COMMIT_MESSAGE ACTOR_ACCOUNT_ID TAG_NAME RELEASE_NAME"`
	// Pattern is a regular expression, such as "^refs/heads/main$". Required.
	Pattern string `json:"pattern" prop:"Pattern"`
	// Exclude matches events that the pattern does not match.
	// Default: false.
	Exclude *bool `json:"exclude" prop:"Exclude"`
}

// DeployConfig is a build that the deployment starts and waits for.
type DeployConfig struct {
	// Enabled makes the deployment build the image.
	// Default: true.
	Enabled *bool `json:"enabled"`
	// SourceVersion is the commit of a Git source, or the version of an S3 object, that is built. A source at a
	// Git host needs a commit here or in Version: CloudFormation cannot see that a branch has moved.
	// Default: the version of Source.
	SourceVersion string `json:"sourceVersion" prop:"SourceVersion"`
	// Inputs are further values that the image depends on, by a name of your choice, such as the digest of a
	// base image. A deployment that changes one starts a build.
	// Default: none.
	Inputs map[string]string `json:"inputs" prop:"Inputs"`
	// FunctionZip is the path of a prebuilt function that starts the builds.
	// Default: compiled from source.
	FunctionZip string `json:"functionZip" prop:"FunctionZip"`
}

// BakeConfig is a bake or Compose file whose targets are built. At least one target must be in Targets or Images.
type BakeConfig struct {
	// File is the path of the file in the source.
	// Default: the files that docker buildx bake finds.
	File string `json:"file" prop:"File"`
	// Targets are the targets or services whose images are pushed to new repositories, NAME/BUILD/TARGET in lower
	// case, such as "layercache/shop/api".
	// Default: none.
	Targets []string `json:"targets" prop:"ImageNames" pattern:"^[A-Za-z0-9_-]+$" otherwise:"target services imageNames"`
	// Images are the names or ARNs of existing ECR repositories for the images of further targets, by target.
	// Default: none.
	Images map[string]string `json:"images" prop:"Images" otherwise:"imageRepositories"`
}

func (d *DeployConfig) isOn() bool { return d != nil && *orTrue(d.Enabled) }

// RollOutConfig lists services and functions in the account and region of the build that run its image.
type RollOutConfig struct {
	// Services are services of Amazon ECS, each as CLUSTER/SERVICE, whose task definition has the image by the first
	// of Tags without a word in braces, such as latest.
	// Default: none.
	Services []string `json:"services" pattern:"^[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}$"`
	// Functions are functions of AWS Lambda that are made from the image, or aliases of them: FUNCTION or
	// FUNCTION:ALIAS.
	// Default: none.
	Functions []string `json:"functions" pattern:"^[A-Za-z0-9_-]{1,64}(:[0-9]*[A-Za-z_-][A-Za-z0-9_-]*)?$"`
	// FunctionZip is the path of a prebuilt function that rolls images out.
	// Default: compiled from source.
	FunctionZip string `json:"functionZip"`
}

// SecretConfig is a value that a build fetches when it runs: exactly one of secretsManager and parameter.
type SecretConfig struct {
	// SecretsManager is the name or complete ARN of a Secrets Manager secret.
	SecretsManager string `json:"secretsManager"`
	// Field is the field of a Secrets Manager secret whose value is a JSON object.
	// Default: the whole value.
	Field string `json:"field"`
	// Parameter is the name of a parameter of Systems Manager in the account and region of the builds.
	Parameter string `json:"parameter"`
	// EncryptionKey is the ARN of the KMS key that encrypts the secret or parameter.
	// Default: the key that AWS manages.
	EncryptionKey string `json:"encryptionKey" pattern:"^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"`
}

// DockerServerConfig is a Docker server that CodeBuild keeps between builds.
type DockerServerConfig struct {
	// Enabled creates the server.
	// Default: true.
	Enabled *bool `json:"enabled"`
	// ComputeType is the size of the server.
	// Default: "MEDIUM".
	ComputeType string `json:"computeType" prop:"ComputeType" enum:"SMALL MEDIUM LARGE X_LARGE X2_LARGE"`
	// SecurityGroups are the ids of the security groups of the server, at most 5.
	// Default: none.
	SecurityGroups []string `json:"securityGroups" prop:"SecurityGroups" pattern:"^sg-[0-9a-f]+$"`
}
