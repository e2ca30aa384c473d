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

	// BuildOnDeploy makes the deployment of the stack build the image, wait for it, and fail if the build
	// fails. ImageUri, ContainerImage, DockerImageCode and EcrImageCode without a tag then name the digest of
	// this image.
	// Default: the image exists once a build was started.
	BuildOnDeploy *BuildOnDeploy

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

	// CachePolicy is what builds do about a cache that does not pay. It needs CacheMode RegistryCache.
	// Default: Advise.
	CachePolicy CachePolicy

	// CacheBucket keeps the layers. Required if CacheMode is S3Cache, and otherwise an error.
	CacheBucket awss3.IBucket

	// CachePrefix is the prefix of the layers' keys in CacheBucket. It ends with a slash. The role can access
	// only objects with this prefix.
	// Default: "layercache/".
	CachePrefix *string

	// CacheCompression is how cached layers are compressed that are not in the image. A layer of a later image whose
	// compression in the cache is not ImageCompression is compressed again in every build.
	// Default: Auto.
	CacheCompression Compression

	// CacheMounts are the ids of the cache mounts (RUN --mount=type=cache) whose files are kept with the
	// cache, or only "auto" for all mounts, or only "off". The id of a mount without id= is its target.
	// Mounts are kept in the modes RegistryCache and S3Cache, and by NativeBuilder.
	// Default: "auto".
	CacheMounts *[]*string

	// CacheMountLimit is the largest size of a kept cache mount, in whole mebibytes. Of a larger mount, the
	// files that no step has read for longest are not kept.
	// Default: 2 GB.
	CacheMountLimit awscdk.Size

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

	// SigningProfiles are the ARNs of the AWS Signer profiles with which ECR's managed signing signs the image
	// when it is pushed. ECR signs as whoever pushes, so release builds get signer:SignPayload on them. Builds of
	// pull requests never do: the permission signs any content. The rules that choose a profile are set in the
	// registry: https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html.
	// Default: none; an image that ECR should sign stays unsigned.
	SigningProfiles *[]*string

	// ImageName is the physical name of the new image repository; not together with Image.
	// Default: CloudFormation makes a name.
	ImageName *string

	// Tags are the tags of the image. In a tag, {commit}, {branch} and {build} stand for the id of the
	// commit, the branch and the number of the build.
	// Default: "latest".
	Tags *[]*string

	// Purpose is the service that runs the image. It sets the default of Attestations, and props that make an
	// image which the service refuses are errors.
	// Default: any service; DockerImageCode and EcrImageCode check the image for AWS Lambda.
	Purpose Purpose

	// ImageCompression is how the image's layers are compressed, whether they are new, from the cache or from
	// a base image.
	// Default: Gzip.
	ImageCompression Compression

	// Attestations is the form of the image's attestations. Use NoAttestations for AWS Lambda.
	// Default: NoAttestations if Purpose is ForLambda or ForAppRunner, otherwise ImageManifestAttestations.
	Attestations Attestations

	// Bake builds the targets of a bake or Compose file instead of one image. Dockerfile and Context are then not used, and
	// Image is by default the repository of the first target by name. Not with builds of pull requests.
	// Default: one image.
	Bake *Bake

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

	// BuildImages are the images of the build machines by architecture, each by the id of an image that
	// CodeBuild curates, such as "aws/codebuild/amazonlinux-x86_64-standard:5.0". Not every partition and
	// region has the newest:
	// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html.
	// Default: aws/codebuild/amazonlinux-x86_64-standard:6.0 and aws/codebuild/amazonlinux-aarch64-standard:4.0.
	BuildImages *map[Architecture]*string

	// ComputeType is the size of the build machine. Reports know the price per minute of small, medium and large
	// amd64 machines. For others, set LAYERCACHE_USD_PER_MINUTE in Environment: its default is the price of a small
	// machine.
	// Default: awscodebuild.ComputeType_MEDIUM.
	ComputeType awscodebuild.ComputeType

	// Fleet runs the builds on reserved machines. A VPC is then set on the fleet. If builds of a fleet in a VPC
	// overflow to machines on demand, Role needs permissions for its subnets. A fleet of this app gives them to
	// it. If the fleet is imported, add them to Role:
	// https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html#customer-managed-policies-example-create-vpc-network-interface.
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

	// Timeout stops a build that runs too long: 5 minutes to 36 hours. With BuildOnDeploy, at most 50 minutes, or 40
	// for two architectures; a build that a deployment starts has 45 or 35 by default.
	// Default: 1 hour.
	Timeout awscdk.Duration

	// QueuedTimeout cancels a build that waits too long: 5 minutes to 8 hours. With BuildOnDeploy, at most 50 minutes, or
	// 40 for two architectures; a build that a deployment starts has 10, or what Timeout leaves of 55 or 45.
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
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html. A change replaces a
	// deployed image repository by an empty one, and the old one stays. With an ImageName the deployment fails
	// instead, because CloudFormation cannot replace a resource that keeps its name: change ImageName too.
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
