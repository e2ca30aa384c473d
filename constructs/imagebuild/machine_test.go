package imagebuild_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func vpc(s awscdk.Stack) awsec2.IVpc {
	return awsec2.Vpc_FromVpcAttributes(s, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("eu-west-1a", "eu-west-1b"), PrivateSubnetIds: jsii.Strings("subnet-1", "subnet-2"),
	})
}

func securityGroup(s awscdk.Stack) awsec2.ISecurityGroup {
	return awsec2.SecurityGroup_FromSecurityGroupId(s, jsii.String("Group"), jsii.String("sg-1"), nil)
}

func TestABuildInAVpcMayCreateNetworkInterfacesInItsSubnets(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Network = &imagebuild.Network{Vpc: vpc(stack), SecurityGroups: &[]awsec2.ISecurityGroup{securityGroup(stack)}}
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Equal(t, map[string]any{
		"VpcId": "vpc-1", "Subnets": []any{"subnet-1", "subnet-2"}, "SecurityGroupIds": []any{"sg-1"},
	}, project(t, stack, "BuildProject")["VpcConfig"])
	assert.Len(t, *build.Connections().SecurityGroups(), 1)
	source, helper := keys(t, stack)
	const ec2 = "arn:${AWS::Partition}:ec2:${AWS::Region}:"
	assert.ElementsMatch(t, append([]string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildLogs04E75593.Arn}",
		"Allow ecr:GetAuthorizationToken on *",
		"Allow " + push + " on ${BuildImage47D28642.Arn}",
		"Allow " + push + " on ${CacheRepository8754AB2F.Arn}",
		"Allow ec2:CreateNetworkInterface ec2:DescribeDhcpOptions ec2:DescribeNetworkInterfaces ec2:DeleteNetworkInterface ec2:DescribeSubnets ec2:DescribeSecurityGroups ec2:DescribeVpcs on *",
		"Allow ec2:CreateNetworkInterfacePermission on " + ec2 + "${AWS::AccountId}:network-interface/* if ArnLike=ec2:Subnet=" +
			ec2 + "*:subnet/subnet-1 " + ec2 + "*:subnet/subnet-2,StringEquals=ec2:AuthorizedService=codebuild.amazonaws.com",
	}, helperStatements(source, helper)...), policyOf(t, stack, releaseRole))
}

func TestBuildsOfAFleetMayOverflowIntoItsVpc(t *testing.T) {
	const ec2 = "arn:${AWS::Partition}:ec2:${AWS::Region}:"
	permission := func(subnets ...string) string {
		return "Allow ec2:CreateNetworkInterfacePermission on " + ec2 + "${AWS::AccountId}:network-interface/* if ArnLike=ec2:Subnet=" +
			ec2 + "*:subnet/" + strings.Join(subnets, " "+ec2+"*:subnet/") + ",StringEquals=ec2:AuthorizedService=codebuild.amazonaws.com"
	}
	imported := func(stack string) []string {
		return []string{
			"import(" + stack + ":ExportsOutputRefNewPrivateSubnet1Subnet4C93BBB286D16A77)", "import(" + stack + ":ExportsOutputRefNewPrivateSubnet2SubnetCB0575965E745A4C)",
		}
	}
	newVpc := func(s awscdk.Stack) awsec2.IVpc { return awsec2.NewVpc(s, jsii.String("New"), nil) }
	const overflow, queue = awscodebuild.FleetOverflowBehavior_ON_DEMAND, awscodebuild.FleetOverflowBehavior_QUEUE
	for name, c := range map[string]struct {
		vpc      func(awscdk.Stack) awsec2.IVpc
		behavior awscodebuild.FleetOverflowBehavior
		// elsewhere is true for a fleet of another stack, and apart for a VPC of a stack of its own.
		elsewhere, apart bool
		want             string
	}{
		"subnets by their ids":                                 {vpc: vpc, behavior: overflow, want: permission("subnet-1", "subnet-2")},
		"subnets by their ids, in another stack":               {vpc: vpc, behavior: overflow, elsewhere: true, want: permission("subnet-1", "subnet-2")},
		"subnets of the stack":                                 {vpc: newVpc, behavior: overflow, want: permission("${NewPrivateSubnet1Subnet4C93BBB2}", "${NewPrivateSubnet2SubnetCB057596}")},
		"subnets of the fleet's stack":                         {vpc: newVpc, behavior: overflow, elsewhere: true, want: permission(imported("Fleets")...)},
		"subnets of another stack":                             {vpc: newVpc, behavior: overflow, apart: true, want: permission(imported("Network")...)},
		"subnets and a fleet of other stacks":                  {vpc: newVpc, behavior: overflow, elsewhere: true, apart: true, want: permission(imported("Network")...)},
		"no VPC":                                               {behavior: overflow},
		"a VPC, and builds wait":                               {vpc: vpc, behavior: queue},
		"a VPC, and builds wait, which is CodeBuild's default": {vpc: vpc},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			another := func(id string) awscdk.Stack { return awscdk.NewStack(stack.Node().Root().(awscdk.App), &id, nil) }
			home := stack
			if c.elsewhere {
				home = another("Fleets")
			}
			network := home
			if c.apart {
				network = another("Network")
			}
			fleet := &awscodebuild.FleetProps{
				BaseCapacity: jsii.Number(1), ComputeType: awscodebuild.FleetComputeType_MEDIUM,
				EnvironmentType: awscodebuild.EnvironmentType_LINUX_CONTAINER, OverflowBehavior: c.behavior,
			}
			if c.vpc != nil {
				fleet.Vpc = c.vpc(network)
			}
			props := newProps(t, stack)
			props.Fleet = awscodebuild.NewFleet(home, jsii.String("Fleet"), fleet)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

			assert.Empty(t, synthtest.Errors(stack))
			var permissions []string
			for _, statement := range policyOf(t, stack, releaseRole) {
				if strings.Contains(statement, "ec2:CreateNetworkInterfacePermission") {
					permissions = append(permissions, statement)
				}
			}
			assert.Equal(t, c.want, strings.Join(permissions, "\n"))
		})
	}
}

func TestSubnetsWithoutAWayToTheInternetAreAWarning(t *testing.T) {
	const anyway = "base images that no pull-through cache has yet, for a # syntax= line of the Dockerfile"
	warningOf := func(kind, needs, endpoints string) []string {
		return []string{"Network.Subnets selects " + kind + " subnets, from which builds have no way to the internet unless you added a route. " +
			"They need one for " + needs + ". For AWS services they need the endpoints " + endpoints + " and the gateway endpoint s3 [ack: layercache:closed-subnets]"}
	}
	newVpc := func(s awscdk.Stack) awsec2.IVpc {
		return awsec2.NewVpc(s, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(1), SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
			{Name: jsii.String("public"), SubnetType: awsec2.SubnetType_PUBLIC},
			{Name: jsii.String("nat"), SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
			{Name: jsii.String("closed"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED},
		}})
	}
	of := func(kind awsec2.SubnetType) *awsec2.SubnetSelection { return &awsec2.SubnetSelection{SubnetType: kind} }
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		want []string
	}{
		"private subnets, by default": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Network = &imagebuild.Network{Vpc: newVpc(s)} }, nil,
		},
		"private subnets of an imported VPC, whose routes are not known": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Network = &imagebuild.Network{Vpc: vpc(s)} }, nil,
		},
		"a VPC that is looked up later": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				s := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Other"), &awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String("111111111111"), Region: jsii.String("eu-west-1")}})
				p.Network = &imagebuild.Network{Vpc: awsec2.Vpc_FromLookup(s, jsii.String("Vpc"), &awsec2.VpcLookupOptions{IsDefault: jsii.Bool(true)}), Subnets: of(awsec2.SubnetType_PUBLIC)}
			}, nil,
		},
		"isolated subnets": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Network = &imagebuild.Network{Vpc: newVpc(s), Subnets: of(awsec2.SubnetType_PRIVATE_ISOLATED)}
			}, warningOf("isolated", anyway, "ecr.api, ecr.dkr, logs"),
		},
		"a VPC with only isolated subnets": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Network = &imagebuild.Network{Vpc: awsec2.Vpc_FromVpcAttributes(s, jsii.String("Vpc"), &awsec2.VpcAttributes{
					VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("eu-west-1a"), IsolatedSubnetIds: jsii.Strings("subnet-1"),
				})}
			}, warningOf("isolated", anyway, "ecr.api, ecr.dkr, logs"),
		},
		"isolated subnets, and a build that the deployment waits for": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Network = &imagebuild.Network{Vpc: newVpc(s), Subnets: of(awsec2.SubnetType_PRIVATE_ISOLATED)}
				p.BuildOnDeploy = &imagebuild.BuildOnDeploy{FunctionZip: p.HelperZip}
			}, warningOf("isolated", anyway, "ecr.api, ecr.dkr, logs, ssm"),
		},
		"public subnets, a source on the internet, and more services": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), nil)
				p.Network = &imagebuild.Network{Vpc: newVpc(s), Subnets: of(awsec2.SubnetType_PUBLIC)}
				p.Reports, p.MetricsNamespace = jsii.Bool(true), jsii.String("team")
				p.Environment = &map[string]*string{"LAYERCACHE_REPOSITORY_ROLE": jsii.String("arn:aws:iam::111111111111:role/cache")}
				p.Build = &imagebuild.BuildOptions{Secrets: &map[string]*imagebuild.Secret{"npm": imagebuild.Secret_FromSecretsManager(awssecretsmanager.NewSecret(s, jsii.String("Npm"), nil), nil)}}
			}, warningOf("public", "the source (GITHUB), for "+anyway, "codebuild, ecr.api, ecr.dkr, logs, monitoring, secretsmanager, sts"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			c.set(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Empty(t, synthtest.Errors(stack))
			var own []string
			for _, warning := range synthtest.Warnings(stack) {
				if !strings.Contains(warning, "No routeTableId was provided") {
					own = append(own, warning)
				}
			}
			assert.Equal(t, c.want, own)
		})
	}
}

func TestBuildImagesCanBeChosen(t *testing.T) {
	const amd64, arm64 = "aws/codebuild/amazonlinux-x86_64-standard:5.0", "aws/codebuild/amazonlinux-aarch64-standard:3.0"
	images := &map[imagebuild.Architecture]*string{imagebuild.AMD64: jsii.String(amd64), imagebuild.ARM64: jsii.String(arm64)}
	for architecture, want := range map[imagebuild.Architecture]string{imagebuild.AMD64: amd64, imagebuild.ARM64: arm64} {
		stack := synthtest.Stack()
		props := newProps(t, stack)
		props.Architecture, props.BuildImages = architecture, images
		imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
		assert.Equal(t, want, project(t, stack, "BuildProject")["Environment"].(map[string]any)["Image"])
	}

	stack := synthtest.Stack()
	props := newBatchProps(t, stack)
	props.BuildImages = images
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	p := project(t, stack, "BuildProject")
	assert.Equal(t, amd64, p["Environment"].(map[string]any)["Image"])
	assert.Equal(t, buildspecs.ImageBatchOn(amd64, arm64), p["Source"].(map[string]any)["BuildSpec"], "the builds of a batch name their images")
}

func TestADockerServerNeedsNoPrivileges(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.DockerServer = &imagebuild.DockerServer{ComputeType: awscodebuild.DockerServerComputeType_LARGE, SecurityGroups: &[]awsec2.ISecurityGroup{securityGroup(stack)}}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	environment := project(t, stack, "BuildProject")["Environment"].(map[string]any)
	assert.Equal(t, map[string]any{"ComputeType": "BUILD_GENERAL1_LARGE", "SecurityGroupIds": []any{"sg-1"}}, environment["DockerServer"])
	assert.Equal(t, false, environment["PrivilegedMode"])
	assert.Equal(t, "docker", variables(t, stack)["LAYERCACHE_BUILDER"])
}

func TestLimitsAndAFleetSetTheProject(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Fleet = awscodebuild.NewFleet(stack, jsii.String("Fleet"), &awscodebuild.FleetProps{
		BaseCapacity: jsii.Number(1), ComputeType: awscodebuild.FleetComputeType_MEDIUM, EnvironmentType: awscodebuild.EnvironmentType_LINUX_CONTAINER,
	})
	props.QueuedTimeout = awscdk.Duration_Minutes(jsii.Number(30))
	props.AutoRetryLimit = jsii.Number(2)
	props.ConcurrentBuildLimit = jsii.Number(3)
	props.Builder = imagebuild.NativeBuilder
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	p := project(t, stack, "BuildProject")
	assert.Equal(t, "${Fleet30813DF3.Arn}", synthtest.Text(p["Environment"].(map[string]any)["Fleet"].(map[string]any)["FleetArn"]))
	assert.Equal(t, 30.0, p["QueuedTimeoutInMinutes"])
	assert.Equal(t, 2.0, p["AutoRetryLimit"])
	assert.Equal(t, 3.0, p["ConcurrentBuildLimit"])
	assert.Equal(t, "native", variables(t, stack)["LAYERCACHE_BUILDER"])
}

func TestThePriceOfAMinuteIsThatOfTheMachineIfItIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		change func(awscdk.Stack, *imagebuild.ImageBuildProps)
		price  string
	}{
		"the default": {func(awscdk.Stack, *imagebuild.ImageBuildProps) {}, "0.01"},
		"small":       {func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.ComputeType = awscodebuild.ComputeType_SMALL }, "0.005"},
		"large":       {func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.ComputeType = awscodebuild.ComputeType_LARGE }, "0.02"},
		"the user's": {func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
			p.Environment = &map[string]*string{"LAYERCACHE_USD_PER_MINUTE": jsii.String("0.007")}
		}, "0.007"},
		"a size of unknown price":          {func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.ComputeType = awscodebuild.ComputeType_X_LARGE }, ""},
		"an architecture of unknown price": {func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Architecture = imagebuild.ARM64 }, ""},
		"a Docker server":                  {func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.DockerServer = &imagebuild.DockerServer{} }, ""},
		"a fleet": {func(stack awscdk.Stack, p *imagebuild.ImageBuildProps) {
			p.Fleet = awscodebuild.NewFleet(stack, jsii.String("Fleet"), &awscodebuild.FleetProps{
				BaseCapacity: jsii.Number(1), ComputeType: awscodebuild.FleetComputeType_MEDIUM, EnvironmentType: awscodebuild.EnvironmentType_LINUX_CONTAINER,
			})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			c.change(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Empty(t, synthtest.Errors(stack))
			assert.Equal(t, c.price, variables(t, stack)["LAYERCACHE_USD_PER_MINUTE"])
		})
	}
}

func TestReportsHaveAGroupThatTheRoleCannotCreate(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Reports = jsii.Bool(true)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	p := project(t, stack, "BuildProject")
	const group = "${BuildReportsA99337AC.Arn}"
	assert.Equal(t, buildspecs.Image+buildspecs.Reports(group), synthtest.Text(p["Source"].(map[string]any)["BuildSpec"]))
	assert.NotContains(t, synthtest.Properties(t, stack, "AWS::CodeBuild::ReportGroup"), "Name")
	assert.Contains(t, policyOf(t, stack, releaseRole), "Allow codebuild:CreateReport codebuild:UpdateReport codebuild:BatchPutTestCases on "+group)
}

func TestAKeyEncryptsTheNewResources(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.EncryptionKey = awskms.NewKey(stack, jsii.String("Key"), nil)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	const key = "${Key961B73FD.Arn}"
	assert.Equal(t, key, synthtest.Text(project(t, stack, "BuildProject")["EncryptionKey"]))
	assert.Equal(t, key, synthtest.Text(resource(t, stack, "AWS::Logs::LogGroup", "BuildLogs")["Properties"].(map[string]any)["KmsKeyId"]))
	encryption := resource(t, stack, "AWS::ECR::Repository", "BuildImage")["Properties"].(map[string]any)["EncryptionConfiguration"].(map[string]any)
	assert.Equal(t, "KMS", encryption["EncryptionType"])
	assert.Equal(t, key, synthtest.Text(encryption["KmsKey"]))
	assert.Contains(t, synthtest.Statements(synthtest.Properties(t, stack, "AWS::KMS::Key")["KeyPolicy"]),
		"Allow kms:Encrypt kms:Decrypt kms:ReEncrypt* kms:GenerateDataKey* kms:DescribeKey on * to Service=logs.${AWS::Region}.${AWS::URLSuffix} "+
			"if ArnLike=kms:EncryptionContext:aws:logs:arn=arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*")
	assert.Contains(t, policyOf(t, stack, releaseRole), "Allow kms:Decrypt kms:Encrypt kms:ReEncrypt* kms:GenerateDataKey* on "+key)
}

func TestAnExistingLogGroup(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	props.LogGroup = awslogs.LogGroup_FromLogGroupName(stack, jsii.String("Logs"), jsii.String("/builds/api"))
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	group := project(t, stack, "BuildProject")["LogsConfig"].(map[string]any)["CloudWatchLogs"].(map[string]any)["GroupName"]
	assert.Equal(t, "/builds/api", group)
	assert.Contains(t, policyOf(t, stack, releaseRole), "Allow logs:CreateLogStream logs:PutLogEvents on arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/builds/api:*")
	for _, statement := range policyOf(t, stack, pullRole) {
		assert.NotContains(t, statement, "/builds/api", "pull requests have another log group")
	}
}

func TestProblemsOfTheMachine(t *testing.T) {
	groups := make([]awsec2.ISecurityGroup, 6)
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		want []string
	}{
		"a Docker server with another builder": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.DockerServer, p.Builder = &imagebuild.DockerServer{}, imagebuild.NativeBuilder
			},
			[]string{`Builder: is "native", but DockerServer needs Docker's own builder; leave it out`},
		},
		"an unknown size, and too many security groups": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				for i := range groups {
					groups[i] = awsec2.SecurityGroup_FromSecurityGroupId(s, jsii.String(string(rune('A'+i))), jsii.String("sg-1"), nil)
				}
				p.DockerServer = &imagebuild.DockerServer{ComputeType: awscodebuild.DockerServerComputeType_BUILD_LAMBDA_1GB, SecurityGroups: &groups}
				p.Network = &imagebuild.Network{Vpc: vpc(s), SecurityGroups: &groups}
			},
			[]string{
				`DockerServer.ComputeType: "BUILD_LAMBDA_1GB" is not a size of a Docker server; use one of SMALL, MEDIUM, LARGE, X_LARGE, X2_LARGE`,
				"DockerServer.SecurityGroups: has 6 security groups; give at most 5",
				"Network.SecurityGroups: has 6 security groups; give at most 5",
			},
		},
		"times that are no whole minutes, or not known at synthesis": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				minutes := awscdk.NewCfnParameter(s, jsii.String("Minutes"), &awscdk.CfnParameterProps{Type: jsii.String("Number")})
				p.Timeout = awscdk.Duration_Seconds(jsii.Number(450))
				p.QueuedTimeout = awscdk.Duration_Minutes(minutes.ValueAsNumber())
			},
			[]string{
				"Timeout: 7.5 minutes is not a whole number; give whole minutes, 5 to 2160",
				"QueuedTimeout: is not known at synthesis; give a number of minutes",
			},
		},
		"a fleet that is imported by an ARN that CloudFormation fills in": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Fleet = awscodebuild.Fleet_FromFleetArn(s, jsii.String("Fleet"), awscdk.Fn_ImportValue(jsii.String("fleet")))
			},
			[]string{"Fleet: is imported by an ARN that is not known at synthesis, which the CDK does not support; import it by its ARN as text, or create it in this app"},
		},
		"a fleet that is imported by its ARN": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Fleet = awscodebuild.Fleet_FromFleetArn(s, jsii.String("Fleet"), jsii.String("arn:aws:codebuild:eu-west-1:111111111111:fleet/f:1"))
			},
			nil,
		},
		"names that are nearly right": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Builder, p.Architecture, p.ComputeType = "dokcer", "x86_64", "xlarge"
			},
			[]string{
				`Architecture: "x86_64" is unknown; did you mean amd64?`,
				`ComputeType: "xlarge" is not a size of a machine that runs a builder; did you mean X_LARGE?`,
				`Builder: "dokcer" is unknown; did you mean docker?`,
			},
		},
		"limits out of range, and an unknown builder": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Builder = "kaniko"
				p.QueuedTimeout = awscdk.Duration_Hours(jsii.Number(9))
				p.AutoRetryLimit = jsii.Number(11)
				p.ConcurrentBuildLimit = jsii.Number(0)
			},
			[]string{
				`Builder: "kaniko" is unknown; use one of auto, native, container, docker`,
				"QueuedTimeout: 540 minutes is out of CodeBuild's range; give 5 to 480 minutes",
				"AutoRetryLimit: 11 is out of CodeBuild's range; give 0 to 10",
				"ConcurrentBuildLimit: 0 is not a number of builds; give a whole number of at least 1",
			},
		},
		"a fleet of another architecture, in a VPC": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Fleet = awscodebuild.NewFleet(s, jsii.String("Fleet"), &awscodebuild.FleetProps{
					BaseCapacity: jsii.Number(1), ComputeType: awscodebuild.FleetComputeType_MEDIUM, EnvironmentType: awscodebuild.EnvironmentType_ARM_CONTAINER,
				})
				p.Network = &imagebuild.Network{Vpc: vpc(s)}
			},
			[]string{
				"Network: has no effect on a fleet; set the VPC on the fleet",
				`Fleet: has machines of type "ARM_CONTAINER"; give one of type "LINUX_CONTAINER", or set Architecture`,
			},
		},
		"build images of another architecture, of another kind and of an unknown architecture": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.BuildImages = &map[imagebuild.Architecture]*string{
					imagebuild.AMD64: jsii.String("aws/codebuild/amazonlinux-aarch64-standard:3.0"),
					imagebuild.ARM64: jsii.String("public.ecr.aws/docker/library/docker:28"),
					"mips":           jsii.String("aws/codebuild/standard:7.0"),
				}
			},
			[]string{
				`BuildImages["amd64"]: "aws/codebuild/amazonlinux-aarch64-standard:3.0" is an image of another architecture; give one such as aws/codebuild/amazonlinux-x86_64-standard:6.0`,
				`BuildImages["arm64"]: "public.ecr.aws/docker/library/docker:28" is not the id of an image that CodeBuild curates; give one such as aws/codebuild/amazonlinux-aarch64-standard:4.0`,
				`BuildImages["mips"]: is not an architecture; use one of amd64, arm64`,
			},
		},
		"a build image without a builder, and one that is nil": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.BuildImages = &map[imagebuild.Architecture]*string{
					imagebuild.AMD64: jsii.String("aws/codebuild/amazonlinux-x86_64-lambda-standard:go1.21"), imagebuild.ARM64: nil,
				}
			},
			[]string{
				`BuildImages["amd64"]: "aws/codebuild/amazonlinux-x86_64-lambda-standard:go1.21" cannot run a builder; give one such as aws/codebuild/amazonlinux-x86_64-standard:6.0`,
				`BuildImages["arm64"]: "" is not the id of an image that CodeBuild curates; give one such as aws/codebuild/amazonlinux-aarch64-standard:4.0`,
			},
		},
		"a network without a VPC": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Network = &imagebuild.Network{} },
			[]string{"Network.Vpc: is missing; give the VPC"},
		},
		"a type of subnet that the VPC does not have": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Network = &imagebuild.Network{Vpc: vpc(s), Subnets: &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PUBLIC}}
			},
			[]string{"Network.Subnets: There are no 'Public' subnet groups in this VPC. Available types: Deprecated_Private_NAT,Private,Deprecated_Private; select subnets that the VPC has"},
		},
		"a retention for an existing log group": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.LogGroup = awslogs.LogGroup_FromLogGroupName(s, jsii.String("Logs"), jsii.String("/builds/api"))
				p.LogRetention = awslogs.RetentionDays_ONE_DAY
			},
			[]string{"LogRetention: is that of a new log group, but LogGroup gives one; set only one of them"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			c.set(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, atBuild(c.want...), synthtest.Errors(stack))
		})
	}
}
