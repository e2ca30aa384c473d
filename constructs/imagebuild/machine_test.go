package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
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
	const ec2 = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:"
	assert.ElementsMatch(t, append([]string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildLogs04E75593.Arn}",
		"Allow ecr:GetAuthorizationToken on *",
		"Allow " + push + " on ${BuildImage47D28642.Arn}",
		"Allow " + push + " on ${CacheRepository8754AB2F.Arn}",
		"Allow ec2:CreateNetworkInterface ec2:DescribeDhcpOptions ec2:DescribeNetworkInterfaces ec2:DeleteNetworkInterface ec2:DescribeSubnets ec2:DescribeSecurityGroups ec2:DescribeVpcs on *",
		"Allow ec2:CreateNetworkInterfacePermission on " + ec2 + "network-interface/* if ArnEquals=ec2:Subnet=" +
			ec2 + "subnet/subnet-1 " + ec2 + "subnet/subnet-2,StringEquals=ec2:AuthorizedService=codebuild.amazonaws.com",
	}, helperStatements(source, helper)...), policyOf(t, stack, releaseRole))
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

func TestReportsHaveAGroupThatTheRoleCannotCreate(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Reports = jsii.Bool(true)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	p := project(t, stack, "BuildProject")
	assert.Equal(t, buildspecs.Image+buildspecs.Reports, p["Source"].(map[string]any)["BuildSpec"])
	group := synthtest.Properties(t, stack, "AWS::CodeBuild::ReportGroup")
	assert.Equal(t, "${BuildProject943F6A6A}-layercache", synthtest.Text(group["Name"]))
	assert.Equal(t, []string{"Allow codebuild:CreateReport codebuild:UpdateReport codebuild:BatchPutTestCases on ${BuildReportsA99337AC.Arn}"},
		synthtest.Statements(resource(t, stack, "AWS::IAM::Policy", "BuildReportPolicy")["Properties"].(map[string]any)["PolicyDocument"]))
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
				`DockerServer.ComputeType: "BUILD_LAMBDA_1GB" is not a size of a Docker server; use one of [SMALL MEDIUM LARGE X_LARGE X2_LARGE]`,
				"DockerServer.SecurityGroups: has 6 security groups; give at most 5",
				"Network.SecurityGroups: has 6 security groups; give at most 5",
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
				`Builder: "kaniko" is unknown; use one of [auto native container docker]`,
				"QueuedTimeout: 540 minutes is out of CodeBuild's range; give 5 to 480 minutes",
				"AutoRetryLimit: 11 is out of CodeBuild's range; give 0 to 10",
				"ConcurrentBuildLimit: 0 is not a number of builds; give 1 or more",
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
