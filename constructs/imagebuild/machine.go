package imagebuild

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// Builder names the builder of a build.
type Builder string

const (
	// AutoBuilder takes NativeBuilder, else ContainerBuilder, else
	// DockerBuilder, and says which.
	AutoBuilder Builder = "auto"
	// NativeBuilder is the helper's own buildkitd, started as a process.
	NativeBuilder Builder = "native"
	// ContainerBuilder is a buildkitd in a container.
	ContainerBuilder Builder = "container"
	// DockerBuilder is the one in the Docker server. It imports every cache, and
	// exports an inline cache alone.
	DockerBuilder Builder = "docker"
)

var builders = []Builder{AutoBuilder, NativeBuilder, ContainerBuilder, DockerBuilder}

// DockerServer is a Docker server that CodeBuild keeps between builds:
// https://docs.aws.amazon.com/codebuild/latest/userguide/docker-server.html.
type DockerServer struct {
	// ComputeType is the size of the server.
	// Default: awscodebuild.DockerServerComputeType_MEDIUM.
	ComputeType awscodebuild.DockerServerComputeType

	// SecurityGroups are those of the server: at most 5.
	// Default: none.
	SecurityGroups *[]awsec2.ISecurityGroup
}

var dockerServerTypes = []awscodebuild.DockerServerComputeType{
	awscodebuild.DockerServerComputeType_SMALL,
	awscodebuild.DockerServerComputeType_MEDIUM,
	awscodebuild.DockerServerComputeType_LARGE,
	awscodebuild.DockerServerComputeType_X_LARGE,
	awscodebuild.DockerServerComputeType_X2_LARGE,
}

const maxSecurityGroups = 5

// usesDocker says what asks for Docker's own builder, or nothing.
func (p *ImageBuildProps) usesDocker() string {
	switch {
	case p.DockerServer != nil:
		return "DockerServer"
	case p.CacheMode == ImageCache || p.CacheMode == LocalCache:
		return fmt.Sprintf("CacheMode %q", p.CacheMode)
	}
	return ""
}

func (p *ImageBuildProps) builder() Builder {
	if p.usesDocker() != "" {
		return DockerBuilder
	}
	return AutoBuilder
}

// buildEnvironment is the machine. With a Docker server the build itself needs
// no privileges.
func (p *ImageBuildProps) buildEnvironment(shared *perstack.Shared) *awscodebuild.BuildEnvironment {
	environment := &awscodebuild.BuildEnvironment{
		BuildImage:  buildImages.Get(shared, p.Architecture, p.Architecture.buildImage),
		ComputeType: p.ComputeType,
		Privileged:  jsii.Bool(p.DockerServer == nil),
		Fleet:       p.Fleet,
	}
	if p.DockerServer != nil {
		environment.DockerServer = &awscodebuild.DockerServerOptions{
			ComputeType:    orDefault(p.DockerServer.ComputeType, awscodebuild.DockerServerComputeType_MEDIUM),
			SecurityGroups: p.DockerServer.SecurityGroups,
		}
	}
	return environment
}

// computeTypes are the sizes of privileged Linux machines. The Lambda sizes
// cannot run a builder.
var computeTypes = []awscodebuild.ComputeType{
	awscodebuild.ComputeType_SMALL,
	awscodebuild.ComputeType_MEDIUM,
	awscodebuild.ComputeType_LARGE,
	awscodebuild.ComputeType_X_LARGE,
	awscodebuild.ComputeType_X2_LARGE,
}

// checkMachine checks the plain values about the machine.
func checkMachine(props *ImageBuildProps) []validation.Problem {
	var found []validation.Problem
	add := func(prop, wrong, fix string) {
		found = append(found, validation.Problem{Prop: prop, Wrong: wrong, Fix: fix})
	}
	if props.Architecture != AMD64 && props.Architecture != ARM64 {
		add("Architecture", fmt.Sprintf("%q is unknown", props.Architecture), fmt.Sprintf("use %q or %q", AMD64, ARM64))
	}
	if !slices.Contains(computeTypes, props.ComputeType) {
		add("ComputeType", fmt.Sprintf("%q is no size that runs a builder", props.ComputeType), fmt.Sprintf("use one of %s", computeTypes))
	}
	if !slices.Contains(builders, props.Builder) {
		add("Builder", fmt.Sprintf("%q is unknown", props.Builder), fmt.Sprintf("use one of %s", builders))
	} else if uses := props.usesDocker(); uses != "" && props.Builder != DockerBuilder {
		add("Builder", fmt.Sprintf("is %q, but %s builds with Docker's own builder", props.Builder, uses), "leave it out")
	}
	if props.DockerServer != nil {
		server := orDefault(props.DockerServer.ComputeType, awscodebuild.DockerServerComputeType_MEDIUM)
		if !slices.Contains(dockerServerTypes, server) {
			add("DockerServer.ComputeType", fmt.Sprintf("%q is no size of a Docker server", server), fmt.Sprintf("use one of %s", dockerServerTypes))
		}
		if groups := props.DockerServer.SecurityGroups; groups != nil && len(*groups) > maxSecurityGroups {
			add("DockerServer.SecurityGroups", fmt.Sprintf("has %d security groups", len(*groups)), fmt.Sprintf("give at most %d", maxSecurityGroups))
		}
	}
	found = append(found, checkPlatformMachine(props)...)
	found = append(found, checkBatchTags(props)...)
	return append(found, checkLimits(props)...)
}

// checkSharedMachine checks what the builds of a batch cannot share.
func checkSharedMachine(props *ImageBuildProps) []validation.Problem {
	var found []validation.Problem
	for _, c := range []struct {
		prop  string
		given bool
	}{{"Fleet", props.Fleet != nil}, {"DockerServer", props.DockerServer != nil}} {
		if c.given && props.Build.batch() {
			found = append(found, validation.Problem{
				Prop: c.prop, Wrong: "has one architecture, and Build.Platforms are built on two", Fix: "leave it out, build one platform, or set Build.CrossCompile",
			})
		}
	}
	return append(found, checkFleet(props)...)
}

func checkFleet(props *ImageBuildProps) []validation.Problem {
	if props.Fleet == nil {
		return nil
	}
	var found []validation.Problem
	if props.Network != nil {
		found = append(found, validation.Problem{Prop: "Network", Wrong: "does nothing on a fleet", Fix: "give the VPC to the fleet instead"})
	}
	// An imported fleet does not tell its type.
	if *awscdk.Token_IsUnresolved(props.Fleet.FleetArn()) {
		want := awscodebuild.EnvironmentType_LINUX_CONTAINER
		if props.Architecture == ARM64 {
			want = awscodebuild.EnvironmentType_ARM_CONTAINER
		}
		if kind := props.Fleet.EnvironmentType(); kind != want {
			found = append(found, validation.Problem{Prop: "Fleet", Wrong: fmt.Sprintf("has machines of type %q", kind), Fix: fmt.Sprintf("give one of type %q, or set Architecture", want)})
		}
	}
	return found
}

// The limits that CodeBuild takes:
// https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html.
const (
	minTimeout, maxTimeout = 5, 2160
	maxQueuedTimeout       = 480
	maxRetries             = 10
)

func checkLimits(props *ImageBuildProps) []validation.Problem {
	var found []validation.Problem
	for _, c := range []struct {
		prop  string
		value awscdk.Duration
		max   float64
	}{{"Timeout", props.Timeout, maxTimeout}, {"QueuedTimeout", props.QueuedTimeout, maxQueuedTimeout}} {
		if c.value == nil {
			continue
		}
		if minutes := *c.value.ToMinutes(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)}); minutes < minTimeout || minutes > c.max {
			found = append(found, validation.Problem{
				Prop: c.prop, Wrong: fmt.Sprintf("%v minutes is out of CodeBuild's range", minutes), Fix: fmt.Sprintf("give %d to %v minutes", minTimeout, c.max),
			})
		}
	}
	if n := props.AutoRetryLimit; n != nil && (*n < 0 || *n > maxRetries || *n != float64(int(*n))) {
		found = append(found, validation.Problem{Prop: "AutoRetryLimit", Wrong: fmt.Sprintf("%v is out of CodeBuild's range", *n), Fix: fmt.Sprintf("give 0 to %d", maxRetries)})
	}
	return append(found, checkConcurrency("ConcurrentBuildLimit", props.ConcurrentBuildLimit)...)
}

func checkConcurrency(prop string, limit *float64) []validation.Problem {
	if limit == nil || *limit >= 1 && *limit == float64(int(*limit)) {
		return nil
	}
	return []validation.Problem{{Prop: prop, Wrong: fmt.Sprintf("%v is no number of builds", *limit), Fix: "give 1 or more"}}
}
