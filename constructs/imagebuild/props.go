package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// ImageBuildProps are the props of an ImageBuild. Every LAYERCACHE_* variable
// that they set can be overridden for one build in the console.
type ImageBuildProps struct {
	// Source is where the Dockerfile and its context come from. Required.
	Source ISource

	// Cache holds the layer caches. It must not be the image repository: the
	// first push of an image would overwrite the cache. Required.
	Cache cacherepo.ICacheRepository

	// CacheWrite lets the build export its cache. With false the role can only
	// read the cache.
	// Default: true.
	CacheWrite *bool

	// Image is the repository that the image is pushed to.
	// Default: a new repository with mutable tags that scans on push, expires
	// untagged images after 7 days and is kept when the stack is deleted.
	Image awsecr.IRepository

	// ImageName is the physical name of the new image repository; not together
	// with Image.
	// Default: CloudFormation makes a name.
	ImageName *string

	// PullThrough serves base images. Dockerfiles need no change for it.
	// Default: base images come from where the Dockerfile says.
	PullThrough pullthrough.IPullThroughCache

	// App starts the tag of the cache, so that several images share one cache
	// repository: at most 64 letters, digits, '.', '_' and '-'.
	// Default: the last part of the image repository's name, or the id of the
	// construct where CloudFormation makes that name.
	App *string

	// Dockerfile is the path of the Dockerfile from the root of the source.
	// Default: "Dockerfile".
	Dockerfile *string

	// Context is the path of the build context from the root of the source.
	// Default: ".".
	Context *string

	// Tag is the tag of the image.
	// Default: "latest".
	Tag *string

	// FallbackBranch is the branch whose cache is imported when the branch that
	// is built has none.
	// Default: "main".
	FallbackBranch *string

	// Architecture is that of the build machine and so of the image.
	// Default: AMD64.
	Architecture Architecture

	// ComputeType is the size of the build machine.
	// Default: awscodebuild.ComputeType_MEDIUM.
	ComputeType awscodebuild.ComputeType

	// Timeout ends a build that takes too long: 5 minutes to 36 hours.
	// Default: 1 hour.
	Timeout awscdk.Duration

	// LogRetention is how long the logs of builds are kept.
	// Default: awslogs.RetentionDays_ONE_MONTH.
	LogRetention awslogs.RetentionDays

	// Environment are further variables of the build, in plain text: no
	// secrets. LAYERCACHE_* variables that a prop sets are refused here.
	// Default: none.
	Environment *map[string]*string

	// RolePath is the path of the service role, such as "/ci/release/". A cache
	// repository of another account can trust it (cacherepo.Party.RolePath).
	// Default: "/".
	RolePath *string

	// HelperZip is the path of a zip with the programs layercache and buildkitd
	// for linux and the architecture.
	// Default: compiled from this module's source, once for each version of it.
	HelperZip *string
}

// withDefaults returns a copy in which every prop with a fixed default is set.
func (p ImageBuildProps) withDefaults() *ImageBuildProps {
	for _, d := range []struct {
		prop  **string
		value string
	}{
		{&p.Dockerfile, "Dockerfile"},
		{&p.Context, "."},
		{&p.Tag, "latest"},
		{&p.FallbackBranch, "main"},
		{&p.RolePath, "/"},
	} {
		if *d.prop == nil {
			*d.prop = jsii.String(d.value)
		}
	}
	if p.CacheWrite == nil {
		p.CacheWrite = jsii.Bool(true)
	}
	if p.Architecture == "" {
		p.Architecture = AMD64
	}
	if p.ComputeType == "" {
		p.ComputeType = awscodebuild.ComputeType_MEDIUM
	}
	if p.Timeout == nil {
		p.Timeout = awscdk.Duration_Hours(jsii.Number(1))
	}
	if p.LogRetention == "" {
		p.LogRetention = awslogs.RetentionDays_ONE_MONTH
	}
	return &p
}
