package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// ImageBuildProps are the props of an ImageBuild: what is built, when, with which cache, and on which
// machine. The console can override every LAYERCACHE_* variable that they set, for one build.
type ImageBuildProps struct {
	// Source is where the Dockerfile and its context come from. Required.
	Source ISource

	// Triggers start builds: a webhook, a schedule, new base images.
	// Default: only people and the StartBuild API start builds.
	Triggers *Triggers

	// PullRequests are the options of a second project, which builds pull requests under a role that cannot
	// write the release builds' cache. The project exists if this is set or the webhook has events of pull
	// requests.
	// Default: the defaults of PullRequests.
	PullRequests *PullRequests

	// Cache holds the layer caches. It must not be the image repository, because an image that is pushed
	// under a cache's tag would overwrite the cache. Required if CacheMode is RegistryCache, and otherwise an
	// error.
	Cache cacherepo.ICacheRepository

	// CacheMode is where the layers are kept.
	// Default: RegistryCache.
	CacheMode CacheMode

	// CacheWrite lets the build export its cache. If false, the role can only read the cache.
	// Default: true.
	CacheWrite *bool

	// CacheBucket keeps the layers. Required if CacheMode is S3Cache, and otherwise an error.
	CacheBucket awss3.IBucket

	// CachePrefix is the prefix of the layers' keys in CacheBucket. It ends with a slash. The role can access
	// only objects with this prefix.
	// Default: "layercache/".
	CachePrefix *string

	// CacheCompression is how cached layers are compressed.
	// Default: Zstd.
	CacheCompression Compression

	// App is the first part of the cache's tags, so that several images can share one cache repository: at
	// most 64 letters, digits, '.', '_' and '-'.
	// Default: the last part of the image repository's name, or the id of the construct if CloudFormation
	// makes the name.
	App *string

	// FallbackBranch is the branch whose cache is imported if the built branch has none.
	// Default: "main".
	FallbackBranch *string

	// Image is the repository that the image is pushed to.
	// Default: a new repository with mutable tags that scans on push, expires untagged images after 7 days
	// and is kept when the stack is deleted.
	Image awsecr.IRepository

	// ImageName is the physical name of the new image repository; not together with Image.
	// Default: CloudFormation makes a name.
	ImageName *string

	// Tags are the tags of the image. In a tag, {commit}, {branch} and {build} stand for the id of the
	// commit, the branch and the number of the build.
	// Default: "latest".
	Tags *[]*string

	// Dockerfile is the path of the Dockerfile from the root of the source.
	// Default: "Dockerfile".
	Dockerfile *string

	// Context is the path of the build context from the root of the source. With Source_None it may be an
	// https:// URL of a Git repository, which BuildKit fetches.
	// Default: ".".
	Context *string

	// Build are further options of docker buildx build: target, arguments, secrets, platforms, attestations.
	// Default: the defaults of BuildOptions.
	Build *BuildOptions

	// PullThrough serves base images. The Dockerfile stays as it is.
	// Default: base images come from the registries that the Dockerfile names.
	PullThrough pullthrough.IPullThroughCache

	// Architecture is the architecture of the build machine, and so of the image.
	// Default: AMD64.
	Architecture Architecture

	// ComputeType is the size of the build machine.
	// Default: awscodebuild.ComputeType_MEDIUM.
	ComputeType awscodebuild.ComputeType

	// Fleet runs the builds on reserved machines. A VPC is then set on the fleet.
	// Default: machines on demand.
	Fleet awscodebuild.IFleet

	// DockerServer keeps a Docker server between builds. Builds use its builder and start no second one.
	// Default: each build starts its own builder.
	DockerServer *DockerServer

	// Builder is the builder that builds use.
	// Default: DockerBuilder with DockerServer, ImageCache or LocalCache, otherwise AutoBuilder.
	Builder Builder

	// Network runs the builds in a VPC.
	// Default: builds run in CodeBuild's own network.
	Network *Network

	// Timeout stops a build that runs too long: 5 minutes to 36 hours.
	// Default: 1 hour.
	Timeout awscdk.Duration

	// QueuedTimeout cancels a build that waits too long: 5 minutes to 8 hours.
	// Default: 8 hours.
	QueuedTimeout awscdk.Duration

	// AutoRetryLimit is how often CodeBuild retries a failed build, 0 to 10.
	// Default: 0.
	AutoRetryLimit *float64

	// ConcurrentBuildLimit is how many builds of the project may run at a time.
	// Default: the limit of the account.
	ConcurrentBuildLimit *float64

	// LogGroup takes the logs of release builds.
	// Default: a new log group.
	LogGroup awslogs.ILogGroup

	// LogRetention is how long new log groups keep the logs of builds; not together with LogGroup.
	// Default: awslogs.RetentionDays_ONE_MONTH.
	LogRetention awslogs.RetentionDays

	// Reports makes a report group: the Reports tab of CodeBuild shows the steps of each build from the
	// helper's junit.xml.
	// Default: false.
	Reports *bool

	// MetricsNamespace is the CloudWatch namespace that release builds write the helper's metrics to, with
	// the dimension App.
	// Default: no metrics.
	MetricsNamespace *string

	// EncryptionKey encrypts the projects' output, the new log groups and the new image repository. The
	// policy of a key of this app is changed to allow CloudWatch Logs. The policy of an imported key must
	// allow it already:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.
	// Default: keys that AWS owns.
	EncryptionKey awskms.IKey

	// Environment are further variables of release builds, in plain text: no secrets. A LAYERCACHE_* variable
	// that a prop sets is an error here. Builds of pull requests use PullRequests.Environment.
	// Default: none.
	Environment *map[string]*string

	// RolePath is the path of the service role, such as "/ci/release/". A cache repository of another account
	// can trust it (access.Party.RolePath).
	// Default: "/".
	RolePath *string

	// HelperZip is the path of a zip with the programs layercache and buildkitd for linux and the
	// architecture. In the path, {arch} stands for amd64 or arm64.
	// Default: compiled from this module's source, once per version.
	HelperZip *string
}
