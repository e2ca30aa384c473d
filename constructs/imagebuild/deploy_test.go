package imagebuild_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

// newDeployProps returns valid props of a build that the deployment starts, with a small function.
func newDeployProps(t *testing.T) *imagebuild.ImageBuildProps {
	t.Helper()
	source, _ := synthtest.File(t, "Dockerfile", "FROM scratch\n")
	_, helper := synthtest.File(t, "helper.zip", "helper")
	_, function := synthtest.File(t, "function.zip", "function")
	return &imagebuild.ImageBuildProps{
		Source: imagebuild.Source_Directory(&source, nil), CacheMode: imagebuild.NoCache, HelperZip: &helper,
		BuildOnDeploy: &imagebuild.BuildOnDeploy{FunctionZip: &function},
	}
}

// deployResource returns the resource of the build with the id.
func deployResource(t *testing.T, stack awscdk.Stack, prefix string) map[string]any {
	t.Helper()
	for id, resource := range synthtest.Resources(stack, "Custom::LayercacheImage") {
		if strings.HasPrefix(id, prefix) {
			return resource
		}
	}
	require.Fail(t, "no Custom::LayercacheImage of "+prefix)
	return nil
}

func TestWithoutBuildOnDeployTheStackHasNoFunction(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack))
	assert.Nil(t, build.DeployedImage())
	assert.Empty(t, synthtest.Resources(stack, "AWS::Lambda::Function"))
	assert.Empty(t, synthtest.Resources(stack, "Custom::LayercacheImage"))
}

// The deployment has pushed to the new repository when something after the build fails, and ECR deletes a
// repository with images only if it may empty it.
func TestARollbackMayEmptyTheRepositoryThatADeploymentCreated(t *testing.T) {
	stack := synthtest.Stack()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), newDeployProps(t))
	resource := synthtest.Resource(t, stack, "AWS::ECR::Repository")
	assert.Equal(t, true, resource["Properties"].(map[string]any)["EmptyOnDelete"])
	assert.Equal(t, "RetainExceptOnCreate", resource["DeletionPolicy"])
	assert.Equal(t, "Retain", resource["UpdateReplacePolicy"])
}

func TestPermissionsOfABuildThatADeploymentStarts(t *testing.T) {
	for name, c := range map[string]struct {
		platforms *[]*string
		builds    string
	}{
		"one build": {nil, "codebuild:StartBuild codebuild:StopBuild codebuild:BatchGetBuilds"},
		"a batch":   {jsii.Strings("linux/amd64", "linux/arm64"), "codebuild:StartBuildBatch codebuild:StopBuildBatch codebuild:BatchGetBuilds"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newDeployProps(t)
			props.Build = &imagebuild.BuildOptions{Platforms: c.platforms}
			props.HelperZip = jsii.String("testdata/helper-{arch}.zip")
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

			const parameter = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/layercache/ticket/${BuildProject943F6A6A}"
			got := map[string][]string{}
			for _, policy := range synthtest.Resources(stack, "AWS::IAM::Policy") {
				properties := policy["Properties"].(map[string]any)
				role := synthtest.Text(properties["Roles"].([]any)[0])
				got[role] = append(got[role], synthtest.Statements(properties["PolicyDocument"])...)
			}
			var function []string
			for role, statements := range got {
				if strings.HasPrefix(role, "${LayercacheDeployRole") {
					function = statements
				} else if strings.HasPrefix(role, "${BuildRole") {
					assert.Contains(t, statements, "Allow ssm:GetParameters on "+parameter)
				}
			}
			slices.Sort(function)
			assert.Equal(t, []string{
				"Allow " + c.builds + " on ${BuildProject943F6A6A.Arn}",
				"Allow ecr:DescribeImages on ${BuildImage47D28642.Arn}",
				"Allow logs:CreateLogStream logs:PutLogEvents on ${LayercacheDeployLogs3B7C41B8.Arn}",
				"Allow ssm:PutParameter ssm:GetParameter ssm:DeleteParameter on " + parameter,
			}, function)
		})
	}
}

func TestTheFunctionOfAStacksDeployment(t *testing.T) {
	stack := synthtest.Stack()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), newDeployProps(t))
	function := synthtest.Properties(t, stack, "AWS::Lambda::Function")
	assert.Equal(t, []any{"provided.al2023", "bootstrap", []any{"arm64"}}, []any{function["Runtime"], function["Handler"], function["Architectures"]})

	rule := synthtest.Properties(t, stack, "AWS::Events::Rule")
	assert.Equal(t, map[string]any{
		"source": []any{"aws.codebuild"}, "detail-type": []any{"CodeBuild Build State Change"},
		"detail": map[string]any{
			"project-name": []any{map[string]any{"Ref": "BuildProject943F6A6A"}},
			"build-status": []any{map[string]any{"anything-but": []any{"IN_PROGRESS"}}},
		},
	}, rule["EventPattern"])
	permission := synthtest.Properties(t, stack, "AWS::Lambda::Permission")
	assert.Equal(t, "events.amazonaws.com", permission["Principal"])
	assert.Equal(t, "${BuildDeployEndD82100DD.Arn}", synthtest.Text(permission["SourceArn"]))

	depends := deployResource(t, stack, "Build")["DependsOn"].([]any)
	for _, part := range []string{"BuildRoleDefaultPolicy", "BuildDeployPolicy", "BuildDeployTicket", "BuildDeployEndPermission"} {
		assert.True(t, slices.ContainsFunc(depends, func(id any) bool { return strings.HasPrefix(id.(string), part) }), "the build needs %s: %v", part, depends)
	}
}

// dependsOn returns what the build of a deployment waits for.
func dependsOn(t *testing.T, stack awscdk.Stack) []string {
	t.Helper()
	var ids []string
	for _, id := range deployResource(t, stack, "Build")["DependsOn"].([]any) {
		ids = append(ids, id.(string))
	}
	return ids
}

// without returns the values of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(value string) bool { return slices.Contains(b, value) })
}

func TestADeploymentOfTwoArchitecturesWaitsForTheRoleOfTheBatch(t *testing.T) {
	stack := synthtest.Stack()
	props := newDeployProps(t)
	props.HelperZip = jsii.String("testdata/helper-{arch}.zip")
	props.Build = &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	depends := strings.Join(dependsOn(t, stack), " ")
	assert.Regexp(t, `\bBuildBatchRoleDefaultPolicy`, depends, "without it CodeBuild may start no build of the batch")
}

func TestADeploymentWaitsForTheNetworkOfItsBuild(t *testing.T) {
	// made is a stack with a VPC, and a build in it that a deployment starts. after adds to it after the build.
	made := func(subnets awsec2.SubnetType, after func(awscdk.Stack, awsec2.Vpc, *imagebuild.ImageBuild)) []string {
		stack := synthtest.Stack()
		vpc := awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{
			MaxAzs: jsii.Number(1), RestrictDefaultSecurityGroup: jsii.Bool(false),
			SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
				{Name: jsii.String("public"), SubnetType: awsec2.SubnetType_PUBLIC},
				{Name: jsii.String("private"), SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
				{Name: jsii.String("isolated"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED},
			},
		})
		props := newDeployProps(t)
		props.Network = &imagebuild.Network{Vpc: vpc, Subnets: &awsec2.SubnetSelection{SubnetType: subnets}}
		build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
		after(stack, vpc, build)
		return dependsOn(t, stack)
	}
	nothing := func(awscdk.Stack, awsec2.Vpc, *imagebuild.ImageBuild) {}

	isolated, private := made(awsec2.SubnetType_PRIVATE_ISOLATED, nothing), made(awsec2.SubnetType_PRIVATE_WITH_EGRESS, nothing)
	assert.Equal(t, []string{"VpcisolatedSubnet1RouteTableAssociationD259E31A"}, without(isolated, private))
	assert.Equal(t, []string{"VpcprivateSubnet1DefaultRouteB506891A", "VpcprivateSubnet1RouteTableAssociationEEBD93CE"}, without(private, isolated),
		"the route leads to the NAT gateway")
	assert.Contains(t, private, "BuildProjectSecurityGroup618CD4E4")

	withEndpoints := made(awsec2.SubnetType_PRIVATE_ISOLATED, func(stack awscdk.Stack, vpc awsec2.Vpc, build *imagebuild.ImageBuild) {
		vpc.AddGatewayEndpoint(jsii.String("S3"), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_S3()})
		logs := vpc.AddInterfaceEndpoint(jsii.String("Logs"), &awsec2.InterfaceVpcEndpointOptions{
			Service: awsec2.InterfaceVpcEndpointAwsService_CLOUDWATCH_LOGS(), Open: jsii.Bool(false),
		})
		logs.Connections().AllowDefaultPortFrom(build, nil)
		awsec2.NewInterfaceVpcEndpoint(stack, jsii.String("Ecr"), &awsec2.InterfaceVpcEndpointProps{Vpc: vpc, Service: awsec2.InterfaceVpcEndpointAwsService_ECR()})
		awsec2.NewCfnVPCEndpoint(stack, jsii.String("Ssm"), &awsec2.CfnVPCEndpointProps{VpcId: vpc.VpcId(), ServiceName: jsii.String("ssm")})
		other := awsec2.NewVpc(stack, jsii.String("Other"), &awsec2.VpcProps{MaxAzs: jsii.Number(1)})
		other.AddGatewayEndpoint(jsii.String("S3"), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_S3()})
	})
	assert.Equal(t, []string{
		"EcrF2C6ABFC", "EcrSecurityGroupA8DD17D4", "Ssm",
		"VpcLogsE1759C4E", "VpcLogsSecurityGroupfromTestBuildProjectSecurityGroup9185B3A244398F1328F", "VpcLogsSecurityGroupEFB615FD", "VpcS3A5408339",
	}, without(withEndpoints, isolated))
}

// The consumers of the image may be in the VPC of the build. This would be a circle if the build waited for everything
// in the VPC.
func TestWhatIsInTheVpcMayUseTheImage(t *testing.T) {
	stack := synthtest.Stack()
	vpc := awsec2.NewVpc(stack, jsii.String("Vpc"), nil)
	props := newDeployProps(t)
	props.Network = &imagebuild.Network{Vpc: vpc}
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	function := awslambda.NewDockerImageFunction(vpc, jsii.String("Function"), &awslambda.DockerImageFunctionProps{
		Code: build.DockerImageCode(nil), Vpc: vpc, SecurityGroups: build.Connections().SecurityGroups(),
	})
	assert.NotPanics(t, func() { dependsOn(t, stack) })
	assert.NotNil(t, function)
}

func TestAnImportedNetworkIsThereAlready(t *testing.T) {
	stack := synthtest.Stack()
	props := newDeployProps(t)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	outside := dependsOn(t, stack)

	stack = synthtest.Stack()
	props.Network = &imagebuild.Network{Vpc: vpc(stack)}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	assert.Equal(t, []string{"BuildProjectSecurityGroup618CD4E4"}, without(dependsOn(t, stack), outside), "the only new part of it")
}

func TestBuildsShareAFunctionUpToTheRoomOfItsRole(t *testing.T) {
	stack := synthtest.Stack()
	for i := range 13 {
		imagebuild.NewImageBuild(stack, jsii.String(fmt.Sprint("Build", i)), newDeployProps(t))
	}
	assert.Len(t, synthtest.Resources(stack, "Custom::LayercacheImage"), 13)
	assert.Len(t, synthtest.Resources(stack, "AWS::Lambda::Function"), 2)
}

func TestStacksOfAnAppHaveAFunctionEach(t *testing.T) {
	first := synthtest.Stack()
	second := awscdk.NewStack(first.Node().Root().(awscdk.App), jsii.String("Second"), nil)
	for _, stack := range []awscdk.Stack{first, second} {
		imagebuild.NewImageBuild(stack, jsii.String("Build"), newDeployProps(t))
	}
	for _, stack := range []awscdk.Stack{first, second} {
		functions := slices.Collect(maps.Keys(synthtest.Resources(stack, "AWS::Lambda::Function")))
		require.Len(t, functions, 1)
		resource := deployResource(t, stack, "Build")["Properties"].(map[string]any)
		assert.Equal(t, "${"+functions[0]+".Arn}", synthtest.Text(resource["ServiceToken"]), "the function is one of the same stack")
	}
}

func TestConsumersNameTheDigestOfTheDeployment(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), newDeployProps(t))
	newFunction(stack, build, nil)
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("shop"), &awsecs.ContainerDefinitionOptions{Image: build.ContainerImage(nil)})

	digested := uri("BuildImage47D28642") + "@sha256:${BuildDeploy2D5E604E.ImageDigestHex}"
	assert.Equal(t, digested, synthtest.Text(stack.Resolve(build.ImageUri(nil))))
	container := synthtest.Properties(t, stack, "AWS::ECS::TaskDefinition")["ContainerDefinitions"].([]any)[0].(map[string]any)
	assert.Equal(t, digested, synthtest.Text(container["Image"]))
	var codes []string
	for _, function := range synthtest.Resources(stack, "AWS::Lambda::Function") {
		codes = append(codes, synthtest.Text(function["Properties"].(map[string]any)["Code"].(map[string]any)["ImageUri"]))
	}
	assert.Contains(t, codes, digested)
	assert.Equal(t, digested, synthtest.Text(stack.Resolve(build.AppRunnerImage(nil).ImageIdentifier)))
	assert.Equal(t, uri("BuildImage47D28642")+":v1", synthtest.Text(stack.Resolve(build.ImageUri(jsii.String("v1")))))
	assert.Equal(t, "${BuildDeploy2D5E604E.Verdict}", synthtest.Text(stack.Resolve(build.DeployedImage().Verdict)))
	assert.Empty(t, synthtest.Warnings(stack), "a function by digest is updated")

	inputs := deployResource(t, stack, "Build")["Properties"].(map[string]any)["Inputs"].(map[string]any)
	assert.Equal(t, "none", inputs["LAYERCACHE_ATTESTATIONS"], "the form that AWS Lambda needs is an input too")
}

func TestWhatAnImageDependsOn(t *testing.T) {
	inputs := func(change func(*imagebuild.ImageBuildProps)) map[string]any {
		stack := synthtest.Stack()
		props := newDeployProps(t)
		change(props)
		imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
		require.Empty(t, synthtest.Errors(stack))
		properties := deployResource(t, stack, "Build")["Properties"].(map[string]any)
		delete(properties, "ServiceToken")
		return properties
	}
	first := inputs(func(*imagebuild.ImageBuildProps) {})
	for name, change := range map[string]func(*imagebuild.ImageBuildProps){
		"the source": func(p *imagebuild.ImageBuildProps) {
			dir, _ := synthtest.File(t, "Dockerfile", "FROM scratch\nLABEL a=b\n")
			p.Source = imagebuild.Source_Directory(&dir, nil)
		},
		"the helper": func(p *imagebuild.ImageBuildProps) {
			_, zip := synthtest.File(t, "helper.zip", "another")
			p.HelperZip = &zip
		},
		"the target": func(p *imagebuild.ImageBuildProps) { p.Build = &imagebuild.BuildOptions{Target: jsii.String("test")} },
		"an argument": func(p *imagebuild.ImageBuildProps) {
			p.Build = &imagebuild.BuildOptions{Arguments: &map[string]*string{"A": jsii.String("1")}}
		},
		"the Dockerfile":  func(p *imagebuild.ImageBuildProps) { p.Dockerfile = jsii.String("b/Dockerfile") },
		"a tag":           func(p *imagebuild.ImageBuildProps) { p.Tags = jsii.Strings("v2") },
		"the compression": func(p *imagebuild.ImageBuildProps) { p.ImageCompression = imagebuild.Zstd },
		"a variable": func(p *imagebuild.ImageBuildProps) {
			p.Environment = &map[string]*string{"SOURCE_DATE_EPOCH": jsii.String("0")}
		},
		"both platforms": func(p *imagebuild.ImageBuildProps) {
			p.HelperZip = jsii.String("testdata/helper-{arch}.zip")
			p.Build = &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}
		},
		"the architecture": func(p *imagebuild.ImageBuildProps) { p.Architecture = imagebuild.ARM64 },
		"the version":      func(p *imagebuild.ImageBuildProps) { p.BuildOnDeploy.SourceVersion = jsii.String("abc") },
		"the digest of a base": func(p *imagebuild.ImageBuildProps) {
			p.BuildOnDeploy.Inputs = &map[string]*string{"debian": jsii.String(digest)}
		},
	} {
		assert.NotEqual(t, first, inputs(change), name)
	}
	for name, change := range map[string]func(*imagebuild.ImageBuildProps){
		"nothing":                      func(*imagebuild.ImageBuildProps) {},
		"the compression of the cache": func(p *imagebuild.ImageBuildProps) { p.CacheCompression = imagebuild.Zstd },
		"the fallback branch":          func(p *imagebuild.ImageBuildProps) { p.FallbackBranch = jsii.String("trunk") },
	} {
		assert.Equal(t, first, inputs(change), "%s does not change the image", name)
	}
}

// An argument of one image may come from a function that has the image of another. This would be a cycle if the
// function of the deployment waited for all projects.
func TestAnArgumentMayBeAValueOfTheStack(t *testing.T) {
	stack := synthtest.Stack()
	api := imagebuild.NewImageBuild(stack, jsii.String("Api"), newDeployProps(t))
	function := awslambda.NewDockerImageFunction(stack, jsii.String("Function"), &awslambda.DockerImageFunctionProps{Code: api.DockerImageCode(nil)})
	props := newDeployProps(t)
	props.Build = &imagebuild.BuildOptions{Arguments: &map[string]*string{"API": function.FunctionArn()}}
	imagebuild.NewImageBuild(stack, jsii.String("Web"), props)

	// Reading the template panics if resources wait for each other.
	inputs := deployResource(t, stack, "Web")["Properties"].(map[string]any)["Inputs"].(map[string]any)
	assert.Equal(t, `{"API":"${Function76856677.Arn}"}`, synthtest.Text(inputs["LAYERCACHE_BUILD_ARGS"]))
}

var bothPlatforms = &imagebuild.BuildOptions{Platforms: jsii.Strings("linux/amd64", "linux/arm64")}

func minutes(n float64) awscdk.Duration { return awscdk.Duration_Minutes(&n) }

func TestTheBuildOfADeploymentEndsWhileCloudFormationWaits(t *testing.T) {
	for name, c := range map[string]struct {
		timeout, queuedTimeout awscdk.Duration
		platforms              *imagebuild.BuildOptions
		// queued, build and batch are the resulting minutes.
		queued, build string
		batch         any
	}{
		"no timeouts":                     {queued: "10", build: "45"},
		"a timeout leaves the rest":       {timeout: minutes(20), queued: "35", build: "20"},
		"a queue leaves the rest":         {queuedTimeout: minutes(30), queued: "30", build: "25"},
		"both":                            {timeout: minutes(20), queuedTimeout: minutes(5), queued: "5", build: "20"},
		"two architectures":               {platforms: bothPlatforms, queued: "10", build: "35", batch: 45.0},
		"two architectures and a timeout": {platforms: bothPlatforms, timeout: minutes(40), queued: "5", build: "40", batch: 50.0},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newDeployProps(t)
			props.HelperZip = jsii.String("testdata/helper-{arch}.zip")
			props.Timeout, props.QueuedTimeout, props.Build = c.timeout, c.queuedTimeout, c.platforms
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			require.Empty(t, synthtest.Errors(stack))
			properties := deployResource(t, stack, "Build")["Properties"].(map[string]any)
			assert.Equal(t, []any{c.queued, c.build}, []any{properties["QueuedTimeoutInMinutes"], properties["TimeoutInMinutes"]})
			batch, _ := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")["BuildBatchConfig"].(map[string]any)
			assert.Equal(t, c.batch, batch["TimeoutInMins"])
		})
	}
}

func TestProblemsOfBuildOnDeploy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*imagebuild.ImageBuildProps)
		want   string
	}{
		"a build longer than CloudFormation waits": {
			func(p *imagebuild.ImageBuildProps) { p.Timeout = minutes(51) },
			"Timeout: is 51 minutes, but CloudFormation waits an hour, which leaves at most 50; give at most 50 minutes, or leave BuildOnDeploy out",
		},
		"two architectures, which a third build joins": {
			func(p *imagebuild.ImageBuildProps) {
				p.Timeout, p.Build = minutes(41), bothPlatforms
				p.HelperZip = jsii.String("testdata/helper-{arch}.zip")
			},
			"Timeout: is 41 minutes, but CloudFormation waits an hour, which leaves at most 40; give at most 40 minutes, or leave BuildOnDeploy out",
		},
		"a queue longer than CloudFormation waits": {
			func(p *imagebuild.ImageBuildProps) { p.QueuedTimeout = minutes(60) },
			"QueuedTimeout: is 60 minutes, but CloudFormation waits an hour, which leaves at most 50; give at most 50 minutes, or leave BuildOnDeploy out",
		},
		"a build and a queue that are too long together": {
			func(p *imagebuild.ImageBuildProps) { p.Timeout, p.QueuedTimeout = minutes(40), minutes(16) },
			"Timeout: and QueuedTimeout are 56 minutes together, but CloudFormation waits an hour, which leaves at most 55; give at most 55 minutes, or leave BuildOnDeploy out",
		},
		"no function": {
			func(p *imagebuild.ImageBuildProps) { p.BuildOnDeploy.FunctionZip = jsii.String("no/such.zip") },
			`BuildOnDeploy.FunctionZip: "no/such.zip" is not a file; give the path of a zip with bootstrap, or leave it out to compile it`,
		},
		"an input without a value": {
			func(p *imagebuild.ImageBuildProps) { p.BuildOnDeploy.Inputs = &map[string]*string{"base": nil} },
			`BuildOnDeploy.Inputs["base"]: has no value; set a value, or leave it out`,
		},
		"the ticket as a variable": {
			func(p *imagebuild.ImageBuildProps) {
				p.Environment = &map[string]*string{"LAYERCACHE_TICKET": jsii.String("x")}
			},
			`Environment["LAYERCACHE_TICKET"]: is set by BuildOnDeploy; leave it out`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newDeployProps(t)
			c.change(props)
			build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, []string{"Test/Build: " + c.want}, synthtest.Errors(stack))
			assert.NotNil(t, build.ImageUri(nil))
		})
	}
}

func TestASourceThatADeploymentCannotSeeChange(t *testing.T) {
	for name, c := range map[string]struct {
		source imagebuild.ISource
		deploy *string
		warns  bool
	}{
		"a branch at a Git host": {imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("shop"), nil), nil, true},
		"a commit of the build":  {imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("shop"), nil), jsii.String("abc"), false},
		"a commit of the source": {
			imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("shop"), &imagebuild.GitOptions{Version: jsii.String("0123456789abcdef0123456789abcdef01234567")}), nil, false,
		},
		"a branch of the source": {
			imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("shop"), &imagebuild.GitOptions{Version: jsii.String("main")}), nil, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newDeployProps(t)
			props.Source, props.BuildOnDeploy.SourceVersion = c.source, c.deploy
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, c.warns, strings.Contains(fmt.Sprint(synthtest.Warnings(stack)), "layercache:deploy-without-version"))
		})
	}
}
