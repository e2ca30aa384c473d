package imagebuild

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
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

// The newest Amazon Linux 2023 images that CodeBuild curates, by id, because the CDK does not list them yet:
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html.
const (
	amd64Image = "aws/codebuild/amazonlinux-x86_64-standard:6.0"
	arm64Image = "aws/codebuild/amazonlinux-aarch64-standard:4.0"
)

func (a Architecture) buildImage() awscodebuild.IBuildImage {
	if a == ARM64 {
		return awscodebuild.LinuxArmBuildImage_FromCodeBuildImageId(jsii.String(arm64Image))
	}
	return awscodebuild.LinuxBuildImage_FromCodeBuildImageId(jsii.String(amd64Image))
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

// buildImages are the build images that the projects of a stack share.
var buildImages perstack.Memo[Architecture, awscodebuild.IBuildImage]

// buildEnvironment returns the machine. It is privileged unless a Docker server runs the containers.
func buildEnvironment(shared *perstack.Shared, m machineOptions) *awscodebuild.BuildEnvironment {
	environment := &awscodebuild.BuildEnvironment{
		BuildImage:  buildImages.Get(shared, m.architecture, m.architecture.buildImage),
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
		problems.Add("Architecture", fmt.Sprintf("%q is unknown", m.architecture), fmt.Sprintf("use %q or %q", AMD64, ARM64))
	}
	if !slices.Contains(computeTypes, m.computeType) {
		problems.Add("ComputeType", fmt.Sprintf("%q cannot run a builder", m.computeType), fmt.Sprintf("use one of %s", computeTypes))
	}
	if !slices.Contains(builders, m.builder) {
		problems.Add("Builder", fmt.Sprintf("%q is unknown", m.builder), fmt.Sprintf("use one of %s", builders))
	} else if m.needsDocker != "" && m.builder != DockerBuilder {
		problems.Add("Builder", fmt.Sprintf("is %q, but %s needs Docker's own builder", m.builder, m.needsDocker), "leave it out")
	}
	if server := m.dockerServer; server != nil {
		if !slices.Contains(dockerServerTypes, server.computeType) {
			problems.Add("DockerServer.ComputeType", fmt.Sprintf("%q is not a size of a Docker server", server.computeType), fmt.Sprintf("use one of %s", dockerServerTypes))
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
	// The type of an imported fleet is not known.
	if validation.IsLiteral(fleet.FleetArn()) {
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
	for _, c := range []struct {
		prop  string
		value awscdk.Duration
		max   float64
	}{{"Timeout", l.timeout, maxTimeout}, {"QueuedTimeout", l.queuedTimeout, maxQueuedTimeout}} {
		if c.value == nil {
			continue
		}
		if minutes := *c.value.ToMinutes(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)}); minutes < minTimeout || minutes > c.max {
			problems.Add(c.prop, fmt.Sprintf("%v minutes is out of CodeBuild's range", minutes), fmt.Sprintf("give %d to %v minutes", minTimeout, c.max))
		}
	}
	if n := l.autoRetryLimit; n != nil && (*n < 0 || *n > maxRetries || *n != float64(int(*n))) {
		problems.Add("AutoRetryLimit", fmt.Sprintf("%v is out of CodeBuild's range", *n), fmt.Sprintf("give 0 to %d", maxRetries))
	}
	checkConcurrency(problems, "ConcurrentBuildLimit", l.concurrentBuilds)
}

func checkConcurrency(problems *validation.Problems, prop string, limit *float64) {
	if limit != nil && (*limit < 1 || *limit != float64(int(*limit))) {
		problems.Add(prop, fmt.Sprintf("%v is not a number of builds", *limit), "give 1 or more")
	}
}

// Network runs builds in a VPC. Builds reach Git hosts and upstream registries through NAT. They reach AWS
// services through NAT too, or through endpoints:
//
//   - interface endpoints: logs, ecr.api and ecr.dkr
//   - a gateway endpoint: s3, where ECR keeps layers and where the helper comes from
//   - with build secrets: secretsmanager or ssm, and kms
//   - with MetricsNamespace: monitoring
//   - with CodeCommit: git-codecommit
//   - with a connection: codeconnections.api
//   - with Reports: codebuild
//
// With these endpoints, builds of CodeCommit, S3 and directory sources need no NAT if all base images were
// pulled through a pull-through cache before. A first pull needs a way to the internet:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html,
// https://docs.aws.amazon.com/codebuild/latest/userguide/use-vpc-endpoints-with-codebuild.html.
type Network struct {
	// Vpc is the VPC. Required.
	Vpc awsec2.IVpc

	// Subnets are the subnets that builds run in. Public subnets do not work, because a build gets no public
	// address.
	// Default: the private subnets.
	Subnets *awsec2.SubnetSelection

	// SecurityGroups are those of the build machines: at most 5.
	// Default: a new one that allows all outbound and no inbound traffic.
	SecurityGroups *[]awsec2.ISecurityGroup
}

func checkNetwork(problems *validation.Problems, n *networkOptions) {
	switch {
	case n == nil:
		return
	case n.vpc == nil:
		problems.Add("Network.Vpc", "is missing", "give the VPC")
		return
	}
	checkSecurityGroups(problems, "Network.SecurityGroups", n.securityGroups)
	if n.subnetError != "" {
		problems.Add("Network.Subnets", n.subnetError, "select subnets that the VPC has")
	}
}

// grantNetwork lets CodeBuild attach build machines to the subnets:
// https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html#customer-managed-policies-example-create-vpc-network-interface.
func grantNetwork(scope constructs.Construct, role awsiam.IGrantable, n *networkOptions) {
	if n == nil {
		return
	}
	arn := func(resource, name string) *string {
		return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("ec2"), Resource: &resource, ResourceName: &name})
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: role,
		Actions: jsii.Strings("ec2:CreateNetworkInterface", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
			"ec2:DeleteNetworkInterface", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"),
		ResourceArns: jsii.Strings("*"),
	})
	var subnets []*string
	for _, id := range n.subnetIDs {
		subnets = append(subnets, arn("subnet", id))
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("ec2:CreateNetworkInterfacePermission"),
		ResourceArns: &[]*string{arn("network-interface", "*")},
		Conditions: &map[string]*map[string]any{
			"StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
			"ArnEquals":    {"ec2:Subnet": subnets},
		},
	})
}
