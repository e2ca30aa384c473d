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

// ImageBuildProps are the props of an ImageBuild: what is built, when, with
// which cache, and on which machine. Every LAYERCACHE_* variable that they set
// can be overridden for one build in the console.
type ImageBuildProps struct {
	// Source is where the Dockerfile and its context come from. Required.
	Source ISource

	// Triggers start builds: a webhook, a schedule, new base images.
	// Default: builds start by hand or with the StartBuild API.
	Triggers *Triggers

	// PullRequests are the options of the second project, which builds pull
	// requests under a role that cannot write the release builds' cache. It is
	// made when the webhook has events of pull requests, or when this is set.
	// Default: the defaults of PullRequests.
	PullRequests *PullRequests

	// Cache holds the layer caches. It must not be the image repository: an
	// image that is pushed under a cache's tag would overwrite the cache.
	// Required when CacheMode is RegistryCache, refused otherwise.
	Cache cacherepo.ICacheRepository

	// CacheMode says where the layers are kept.
	// Default: RegistryCache.
	CacheMode CacheMode

	// CacheWrite lets the build export its cache. With false the role can only
	// read the cache.
	// Default: true.
	CacheWrite *bool

	// CacheBucket keeps the layers when CacheMode is S3Cache, and is refused
	// otherwise.
	CacheBucket awss3.IBucket

	// CachePrefix begins the keys of the layers in CacheBucket and ends with a
	// slash. The role reaches no object outside of it.
	// Default: "layercache/".
	CachePrefix *string

	// CacheCompression is how cached layers are compressed.
	// Default: Zstd.
	CacheCompression Compression

	// App starts the tag of the cache, so that several images share one cache
	// repository: at most 64 letters, digits, '.', '_' and '-'.
	// Default: the last part of the image repository's name, or the id of the
	// construct where CloudFormation makes that name.
	App *string

	// FallbackBranch is the branch whose cache is imported when the branch that
	// is built has none.
	// Default: "main".
	FallbackBranch *string

	// Image is the repository that the image is pushed to.
	// Default: a new repository with mutable tags that scans on push, expires
	// untagged images after 7 days and is kept when the stack is deleted.
	Image awsecr.IRepository

	// ImageName is the physical name of the new image repository; not together
	// with Image.
	// Default: CloudFormation makes a name.
	ImageName *string

	// Tags are the tags of the image. {commit}, {branch} and {build} in them
	// stand for the commit's id, the branch and the number of the build.
	// Default: "latest".
	Tags *[]*string

	// Dockerfile is the path of the Dockerfile from the root of the source.
	// Default: "Dockerfile".
	Dockerfile *string

	// Context is the path of the build context from the root of the source. With
	// Source_None it may be an https:// URL of a Git repository, which BuildKit
	// fetches itself.
	// Default: ".".
	Context *string

	// Build are further options of docker buildx build: target, arguments,
	// secrets, platforms, attestations.
	// Default: the defaults of BuildOptions.
	Build *BuildOptions

	// PullThrough serves base images. Dockerfiles need no change for it.
	// Default: base images come from where the Dockerfile says.
	PullThrough pullthrough.IPullThroughCache

	// Architecture is that of the build machine and so of the image.
	// Default: AMD64.
	Architecture Architecture

	// ComputeType is the size of the build machine.
	// Default: awscodebuild.ComputeType_MEDIUM.
	ComputeType awscodebuild.ComputeType

	// Fleet runs the builds on reserved machines. A VPC is then the fleet's own.
	// Default: machines on demand.
	Fleet awscodebuild.IFleet

	// DockerServer keeps a Docker server between builds. Its builder is used as
	// it is and no second one is made.
	// Default: each build has a builder of its own.
	DockerServer *DockerServer

	// Builder is the builder that builds use.
	// Default: DockerBuilder where DockerServer, ImageCache or LocalCache ask
	// for it, else AutoBuilder.
	Builder Builder

	// Network runs the builds in a VPC.
	// Default: builds run in CodeBuild's own network.
	Network *Network

	// Timeout ends a build that takes too long: 5 minutes to 36 hours.
	// Default: 1 hour.
	Timeout awscdk.Duration

	// QueuedTimeout ends a build that waits too long: 5 minutes to 8 hours.
	// Default: 8 hours.
	QueuedTimeout awscdk.Duration

	// AutoRetryLimit is how often CodeBuild starts a failed build again, 0 to 10.
	// Default: 0.
	AutoRetryLimit *float64

	// ConcurrentBuildLimit is how many builds of the project may run at a time.
	// Default: as many as the account may run.
	ConcurrentBuildLimit *float64

	// LogGroup takes the logs of release builds.
	// Default: a new log group.
	LogGroup awslogs.ILogGroup

	// LogRetention is how long new log groups keep the logs of builds; not
	// together with LogGroup.
	// Default: awslogs.RetentionDays_ONE_MONTH.
	LogRetention awslogs.RetentionDays

	// Reports makes a report group, which shows the steps of each build in the
	// Reports tab from the helper's junit.xml.
	// Default: false.
	Reports *bool

	// MetricsNamespace is the CloudWatch namespace that release builds write
	// the helper's metrics to, with the dimension App.
	// Default: no metrics.
	MetricsNamespace *string

	// EncryptionKey encrypts what is made here: the projects' output, the log
	// groups and the image repository. A key of this app learns to trust
	// CloudWatch Logs; the policy of an imported key has to do so already:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.
	// Default: keys that AWS owns.
	EncryptionKey awskms.IKey

	// Environment are further variables of release builds, in plain text: no
	// secrets. LAYERCACHE_* variables that a prop sets are refused here. Builds of
	// pull requests are given PullRequests.Environment instead.
	// Default: none.
	Environment *map[string]*string

	// RolePath is the path of the service role, such as "/ci/release/". A cache
	// repository of another account can trust it (cacherepo.Party.RolePath).
	// Default: "/".
	RolePath *string

	// HelperZip is the path of a zip with the programs layercache and buildkitd
	// for linux and the architecture; {arch} in it stands for amd64 or arm64.
	// Default: compiled from this module's source, once for each version of it.
	HelperZip *string
}
