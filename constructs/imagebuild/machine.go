package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

// Architecture is the processor architecture of the build machine, and so of the image that it builds.
type Architecture string

const (
	// AMD64 is x86_64.
	AMD64 Architecture = "amd64"
	// ARM64 is aarch64 (AWS Graviton).
	ARM64 Architecture = "arm64"
)

// architectures returns the architectures of the machines that builds run on.
func architectures(r *resolved) []Architecture {
	if r.build.batch {
		return []Architecture{AMD64, ARM64}
	}
	return []Architecture{r.machine.architecture}
}

// architectureNames are the names that other programs give to the architectures.
var architectureNames = map[string]Architecture{
	"x86": AMD64, "x86_64": AMD64, "x86-64": AMD64, "x64": AMD64, "intel": AMD64,
	"arm": ARM64, "aarch64": ARM64, "armv8": ARM64, "graviton": ARM64,
}

// architectureFix returns what to write instead of an unknown architecture.
func architectureFix(typed Architecture) string {
	known := []Architecture{AMD64, ARM64}
	name := strings.TrimPrefix(strings.ToLower(string(typed)), "linux/")
	if meant, ok := architectureNames[name]; ok {
		return spelling.Question([]string{string(meant)})
	}
	return spelling.Fix(Architecture(name), known)
}

// defaultImages are the newest Amazon Linux 2023 images that CodeBuild curates, by id, because the CDK does not
// list them yet: https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html.
var defaultImages = map[Architecture]string{AMD64: buildspecs.AMD64Image, ARM64: buildspecs.ARM64Image}

// buildImage is the image of a build machine.
type buildImage struct {
	architecture Architecture
	id           string
}

func (i buildImage) construct() awscodebuild.IBuildImage {
	if i.architecture == ARM64 {
		return awscodebuild.LinuxArmBuildImage_FromCodeBuildImageId(&i.id)
	}
	return awscodebuild.LinuxBuildImage_FromCodeBuildImageId(&i.id)
}

var (
	imageForm = regexp.MustCompile(`^aws/codebuild/[A-Za-z0-9_-]+:[A-Za-z0-9._-]+$`)
	// otherImage matches the images on which no builder of Linux images runs.
	otherImage = regexp.MustCompile(`lambda|windows|macos`)
)

// checkImages checks the ids of the build images: their form, and that their names fit the machine.
func checkImages(problems *validation.Problems, images map[Architecture]string) {
	for _, architecture := range slices.Sorted(maps.Keys(images)) {
		id, at := images[architecture], fmt.Sprintf("BuildImages[%q]", architecture)
		isARM := strings.Contains(id, "aarch64")
		switch {
		case architecture != AMD64 && architecture != ARM64:
			problems.Add(at, "is not an architecture", architectureFix(architecture))
		case !imageForm.MatchString(id):
			problems.Add(at, fmt.Sprintf("%q is not the id of an image that CodeBuild curates", id), "give one such as "+defaultImages[architecture])
		case otherImage.MatchString(id):
			problems.Add(at, fmt.Sprintf("%q cannot run a builder", id), "give one such as "+defaultImages[architecture])
		case isARM != (architecture == ARM64):
			problems.Add(at, fmt.Sprintf("%q is an image of another architecture", id), "give one such as "+defaultImages[architecture])
		}
	}
}

// Builder is the kind of BuildKit builder that runs a build.
type Builder string

const (
	// AutoBuilder is NativeBuilder, or ContainerBuilder or DockerBuilder if that cannot start. The log names
	// it.
	AutoBuilder Builder = "auto"
	// NativeBuilder is the helper's own buildkitd, started as a process.
	NativeBuilder Builder = "native"
	// ContainerBuilder is a buildkitd in a container.
	ContainerBuilder Builder = "container"
	// DockerBuilder is the builder of the Docker server. It imports every cache but exports only inline
	// caches.
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

// computeTypes are the sizes of privileged Linux machines. A builder does not run on the Lambda sizes.
var computeTypes = []awscodebuild.ComputeType{
	awscodebuild.ComputeType_SMALL,
	awscodebuild.ComputeType_MEDIUM,
	awscodebuild.ComputeType_LARGE,
	awscodebuild.ComputeType_X_LARGE,
	awscodebuild.ComputeType_X2_LARGE,
}

// computeTypeNames are CloudFormation's names of the sizes.
var computeTypeNames = map[awscodebuild.ComputeType]string{
	awscodebuild.ComputeType_SMALL:    "BUILD_GENERAL1_SMALL",
	awscodebuild.ComputeType_MEDIUM:   "BUILD_GENERAL1_MEDIUM",
	awscodebuild.ComputeType_LARGE:    "BUILD_GENERAL1_LARGE",
	awscodebuild.ComputeType_X_LARGE:  "BUILD_GENERAL1_XLARGE",
	awscodebuild.ComputeType_X2_LARGE: "BUILD_GENERAL1_2XLARGE",
}

// usdPerMinute are the prices of amd64 machines in the regions of the US, as others quote them from
// https://aws.amazon.com/codebuild/pricing/.
var usdPerMinute = map[awscodebuild.ComputeType]string{
	awscodebuild.ComputeType_SMALL:  "0.005",
	awscodebuild.ComputeType_MEDIUM: "0.01",
	awscodebuild.ComputeType_LARGE:  "0.02",
}

// machineVariables returns the builder, and the price of the machine if it is known. In a batch it is not: its builds
// run on machines of different prices.
func machineVariables(m machineOptions, batch bool) map[string]string {
	v := map[string]string{"LAYERCACHE_BUILDER": string(m.builder)}
	price, known := usdPerMinute[m.computeType]
	if known && m.architecture == AMD64 && m.fleet == nil && m.dockerServer == nil && !batch {
		v["LAYERCACHE_USD_PER_MINUTE"] = price
	}
	return v
}

// computeTypeFix returns what to write instead of an unknown size, which may be CloudFormation's name of one.
func computeTypeFix(typed awscodebuild.ComputeType) string {
	for size, name := range computeTypeNames {
		if strings.EqualFold(string(typed), name) {
			return spelling.Question([]string{string(size)})
		}
	}
	return spelling.Fix(typed, computeTypes)
}

// buildImages are the build images that the projects of a stack share.
var buildImages perstack.Memo[buildImage, awscodebuild.IBuildImage]

// buildEnvironment returns the machine. It is privileged unless a Docker server runs the containers.
func buildEnvironment(shared *perstack.Shared, m machineOptions) *awscodebuild.BuildEnvironment {
	image := buildImage{m.architecture, m.images[m.architecture]}
	environment := &awscodebuild.BuildEnvironment{
		BuildImage:  buildImages.Get(shared, image, image.construct),
		ComputeType: m.computeType,
		Privileged:  jsii.Bool(m.dockerServer == nil),
		Fleet:       m.fleet,
	}
	if m.dockerServer != nil {
		environment.DockerServer = &awscodebuild.DockerServerOptions{
			ComputeType:    m.dockerServer.computeType,
			SecurityGroups: pointerTo(m.dockerServer.securityGroups),
		}
	}
	return environment
}

// checkMachine checks the plain values about the machine.
func checkMachine(problems *validation.Problems, m machineOptions) {
	if m.architecture != AMD64 && m.architecture != ARM64 {
		problems.Add("Architecture", fmt.Sprintf("%q is unknown", m.architecture), architectureFix(m.architecture))
	}
	checkImages(problems, m.images)
	if !slices.Contains(computeTypes, m.computeType) {
		problems.Add("ComputeType", fmt.Sprintf("%q is not a size of a machine that runs a builder", m.computeType), computeTypeFix(m.computeType))
	}
	if !slices.Contains(builders, m.builder) {
		problems.Add("Builder", fmt.Sprintf("%q is unknown", m.builder), spelling.Fix(m.builder, builders))
	} else if m.needsDocker != "" && m.builder != DockerBuilder {
		problems.Add("Builder", fmt.Sprintf("is %q, but %s needs Docker's own builder", m.builder, m.needsDocker), "leave it out")
	}
	if server := m.dockerServer; server != nil {
		if !slices.Contains(dockerServerTypes, server.computeType) {
			problems.Add("DockerServer.ComputeType", fmt.Sprintf("%q is not a size of a Docker server", server.computeType), spelling.Fix(server.computeType, dockerServerTypes))
		}
		checkSecurityGroups(problems, "DockerServer.SecurityGroups", server.securityGroups)
	}
}

const maxSecurityGroups = 5

func checkSecurityGroups(problems *validation.Problems, prop string, groups []awsec2.ISecurityGroup) {
	if len(groups) > maxSecurityGroups {
		problems.Add(prop, fmt.Sprintf("has %d security groups", len(groups)), fmt.Sprintf("give at most %d", maxSecurityGroups))
	}
}

// checkOneArchitecture refuses machines of one architecture for a batch, whose builds need two.
func checkOneArchitecture(problems *validation.Problems, r *resolved) {
	for _, c := range []struct {
		prop string
		set  bool
	}{{"Fleet", r.machine.fleet != nil}, {"DockerServer", r.machine.dockerServer != nil}} {
		if c.set && r.build.batch {
			problems.Add(c.prop, "has one architecture, but Build.Platforms need two", "leave it out, build one platform, or set Build.CrossCompile")
		}
	}
}

func checkFleet(problems *validation.Problems, r *resolved) {
	fleet := r.machine.fleet
	if fleet == nil {
		return
	}
	if r.network != nil {
		problems.Add("Network", "has no effect on a fleet", "set the VPC on the fleet")
	}
	if _, own := fleet.(awscodebuild.Fleet); !own {
		// The type of an imported fleet is not known. The CDK asks for it, and throws, unless it knows the ARN.
		if !validation.IsLiteral(fleet.FleetArn()) {
			problems.Add("Fleet", "is imported by an ARN that is not known at synthesis, which the CDK does not support", "import it by its ARN as text, or create it in this app")
		}
		return
	}
	want := awscodebuild.EnvironmentType_LINUX_CONTAINER
	if r.machine.architecture == ARM64 {
		want = awscodebuild.EnvironmentType_ARM_CONTAINER
	}
	if kind := fleet.EnvironmentType(); kind != want {
		problems.Add("Fleet", fmt.Sprintf("has machines of type %q", kind), fmt.Sprintf("give one of type %q, or set Architecture", want))
	}
}

// The limits of CodeBuild, in minutes and retries:
// https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html.
const (
	minTimeout, maxTimeout = 5, 2160
	maxQueuedTimeout       = 480
	maxRetries             = 10
)

func checkLimits(problems *validation.Problems, l limitOptions) {
	problems.CheckMinutes("Timeout", l.timeout, minTimeout, maxTimeout)
	problems.CheckMinutes("QueuedTimeout", l.queuedTimeout, minTimeout, maxQueuedTimeout)
	if n := l.autoRetryLimit; n != nil && (*n < 0 || *n > maxRetries || *n != float64(int(*n))) {
		problems.Add("AutoRetryLimit", fmt.Sprintf("%v is out of CodeBuild's range", *n), fmt.Sprintf("give 0 to %d", maxRetries))
	}
	checkConcurrency(problems, "ConcurrentBuildLimit", l.concurrentBuilds)
}

func checkConcurrency(problems *validation.Problems, prop string, limit *float64) {
	if limit != nil && (*limit < 1 || *limit != float64(int(*limit))) {
		problems.Add(prop, fmt.Sprintf("%v is not a number of builds", *limit), "give a whole number of at least 1")
	}
}
