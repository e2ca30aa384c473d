package imagebuild_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

// newRollOutBuild returns a build whose images are rolled out, and the options with a small function.
func newRollOutBuild(t *testing.T, scope constructs.Construct) (*imagebuild.ImageBuild, *imagebuild.RollOutOptions) {
	t.Helper()
	props := newDeployProps(t)
	options := &imagebuild.RollOutOptions{FunctionZip: props.BuildOnDeploy.FunctionZip}
	props.BuildOnDeploy = nil
	return imagebuild.NewImageBuild(scope, jsii.String("Build"), props), options
}

// newService makes a service whose task has the images.
func newService(scope constructs.Construct, images ...awsecs.ContainerImage) awsecs.FargateService {
	task := awsecs.NewFargateTaskDefinition(scope, jsii.String("Task"), nil)
	for i, image := range images {
		task.AddContainer(jsii.String(fmt.Sprint("container", i)), &awsecs.ContainerDefinitionOptions{Image: image})
	}
	return awsecs.NewFargateService(scope, jsii.String("Service"), &awsecs.FargateServiceProps{
		Cluster: newCluster(scope), TaskDefinition: task, MinHealthyPercent: jsii.Number(100), CircuitBreaker: &awsecs.DeploymentCircuitBreaker{Rollback: jsii.Bool(true)},
	})
}

func newCluster(scope constructs.Construct) awsecs.ICluster {
	return awsecs.NewCluster(scope, jsii.String("Cluster"), &awsecs.ClusterProps{
		Vpc: awsec2.NewVpc(scope, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(1), NatGateways: jsii.Number(0)}),
	})
}

func newImageFunction(scope constructs.Construct, code awslambda.DockerImageCode) awslambda.DockerImageFunction {
	return awslambda.NewDockerImageFunction(scope, jsii.String("Function"), &awslambda.DockerImageFunctionProps{Code: code})
}

func newAlias(function awslambda.Function) awslambda.Alias {
	return function.AddAlias(jsii.String("live"), nil)
}

// statementsOf returns the statements of the role whose logical id starts with the prefix.
func statementsOf(stack awscdk.Stack, prefix string) []string {
	var found []string
	for _, policy := range synthtest.Resources(stack, "AWS::IAM::Policy") {
		properties := policy["Properties"].(map[string]any)
		if strings.HasPrefix(synthtest.Text(properties["Roles"].([]any)[0]), "${"+prefix) {
			found = append(found, synthtest.Statements(properties["PolicyDocument"])...)
		}
	}
	slices.Sort(found)
	return found
}

func TestWhatARollOutMakes(t *testing.T) {
	alone := synthtest.Stack()
	newRollOutBuild(t, alone)
	without := statementsOf(alone, "BuildRole")
	require.NotEmpty(t, without)
	for name, c := range map[string]struct {
		rollOut    func(awscdk.Stack, *imagebuild.ImageBuild, *imagebuild.RollOutOptions)
		statements []string
		input      string
	}{
		"to a service": {
			func(stack awscdk.Stack, b *imagebuild.ImageBuild, o *imagebuild.RollOutOptions) {
				b.RollOutToService(newService(stack, b.ContainerImage(nil)), o)
			},
			[]string{"Allow ecs:UpdateService on ${ServiceD69D759B}"},
			`"cluster":"${ClusterEB0386A7}","service":"${ServiceD69D759B.Name}"`,
		},
		"to a function": {
			func(stack awscdk.Stack, b *imagebuild.ImageBuild, o *imagebuild.RollOutOptions) {
				b.RollOutToFunction(newImageFunction(stack, b.DockerImageCode(nil)), o)
			},
			[]string{"Allow lambda:GetFunctionConfiguration lambda:UpdateFunctionCode on ${Function76856677.Arn}"},
			`"function":"${Function76856677.Arn}"`,
		},
		"to an alias": {
			func(stack awscdk.Stack, b *imagebuild.ImageBuild, o *imagebuild.RollOutOptions) {
				b.RollOutToFunction(newAlias(newImageFunction(stack, b.DockerImageCode(nil))), o)
			},
			[]string{
				"Allow lambda:GetAlias lambda:PublishVersion lambda:UpdateAlias on ${Function76856677.Arn}",
				"Allow lambda:GetFunctionConfiguration lambda:UpdateFunctionCode on ${Function76856677.Arn}",
				"Allow lambda:GetFunctionConfiguration on ${Function76856677.Arn}:*",
			},
			`"function":"${Function76856677.Arn}","alias":"live"`,
		},
		"to a service that exists": {
			func(stack awscdk.Stack, b *imagebuild.ImageBuild, o *imagebuild.RollOutOptions) {
				arn := jsii.String("arn:aws:ecs:eu-west-1:111122223333:service/shops/shop")
				b.RollOutToService(awsecs.BaseService_FromServiceArnWithCluster(stack, jsii.String("Service"), arn), o)
			},
			[]string{"Allow ecs:UpdateService on arn:aws:ecs:eu-west-1:111122223333:service/shops/shop"},
			`"cluster":"shops","service":"shop"`,
		},
		"to a service that exists, by name": {
			func(stack awscdk.Stack, b *imagebuild.ImageBuild, o *imagebuild.RollOutOptions) {
				attributes := &awsecs.FargateServiceAttributes{Cluster: newCluster(stack), ServiceName: jsii.String("shop")}
				b.RollOutToService(awsecs.FargateService_FromFargateServiceAttributes(stack, jsii.String("Service"), attributes), o)
			},
			[]string{"Allow ecs:UpdateService on arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:service/${ClusterEB0386A7}/shop"},
			`"cluster":"${ClusterEB0386A7}","service":"shop"`,
		},
		"to an alias that exists": {
			func(stack awscdk.Stack, b *imagebuild.ImageBuild, o *imagebuild.RollOutOptions) {
				arn := jsii.String("arn:aws:lambda:eu-west-1:111122223333:function:shop:live")
				b.RollOutToFunction(awslambda.Function_FromFunctionArn(stack, jsii.String("Function"), arn), o)
			},
			[]string{
				"Allow lambda:GetAlias lambda:PublishVersion lambda:UpdateAlias on arn:aws:lambda:eu-west-1:111122223333:function:shop",
				"Allow lambda:GetFunctionConfiguration lambda:UpdateFunctionCode on arn:aws:lambda:eu-west-1:111122223333:function:shop",
				"Allow lambda:GetFunctionConfiguration on arn:aws:lambda:eu-west-1:111122223333:function:shop:*",
			},
			`"function":"arn:aws:lambda:eu-west-1:111122223333:function:shop","alias":"live"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			build, options := newRollOutBuild(t, stack)
			c.rollOut(stack, build, options)
			require.Empty(t, synthtest.Errors(stack))
			assert.Empty(t, synthtest.Warnings(stack))
			assert.Equal(t, append([]string{
				"Allow codebuild:BatchGetBuilds on ${BuildProject943F6A6A.Arn}",
				"Allow ecr:DescribeImages on ${BuildImage47D28642.Arn}",
			}, append(c.statements, "Allow logs:CreateLogStream logs:PutLogEvents on ${LayercacheRollOutLogs64ACBE4F.Arn}")...), statementsOf(stack, "LayercacheRollOut"))
			assert.Equal(t, without, statementsOf(stack, "BuildRole"), "the role of the build gets nothing")

			rule := synthtest.Properties(t, stack, "AWS::Events::Rule")
			assert.Equal(t, map[string]any{
				"source": []any{"aws.codebuild"}, "detail-type": []any{"CodeBuild Build State Change"},
				"detail": map[string]any{"project-name": []any{map[string]any{"Ref": "BuildProject943F6A6A"}}, "build-status": []any{"SUCCEEDED"}},
			}, rule["EventPattern"])
			target := rule["Targets"].([]any)[0].(map[string]any)
			input := target["InputTransformer"].(map[string]any)
			assert.Equal(t, map[string]any{"build": "$.detail.build-id"}, input["InputPathsMap"])
			assert.Equal(t, fmt.Sprintf(`{"detail-type":"layercache roll-out","build":<build>,"image":%q,"tag":"latest",%s}`, uri("BuildImage47D28642"), c.input), synthtest.Text(input["InputTemplate"]))
			permission := synthtest.Properties(t, stack, "AWS::Lambda::Permission")
			assert.Equal(t, []any{"events.amazonaws.com", target["Arn"]}, []any{permission["Principal"], permission["FunctionName"]})
		})
	}
}

// The stack of the service depends on that of the build, whose image it runs. The reverse would be a cycle.
func TestARollOutToAnotherStack(t *testing.T) {
	app := awscdk.NewApp(nil)
	builds, services := awscdk.NewStack(app, jsii.String("Builds"), nil), awscdk.NewStack(app, jsii.String("Services"), nil)
	build, options := newRollOutBuild(t, builds)
	build.RollOutToService(newService(services, build.ContainerImage(nil)), options)
	app.Synth(nil)
	assert.Empty(t, synthtest.Resources(builds, "AWS::Events::Rule"))
	assert.Len(t, synthtest.Resources(services, "AWS::Events::Rule"), 1)
	text, err := json.Marshal(assertions.Template_FromStack(builds, nil).ToJSON())
	require.NoError(t, err)
	assert.NotContains(t, string(text), "Services:")
}

func TestRollOutsShareAFunctionUpToTheRoomOfItsRole(t *testing.T) {
	stack := synthtest.Stack()
	build, options := newRollOutBuild(t, stack)
	functions := map[string]bool{}
	for i := range 10 {
		function := awslambda.Function_FromFunctionName(stack, jsii.String(fmt.Sprint("Shop", i)), jsii.String(fmt.Sprint("shop", i)))
		functions[synthtest.Text(stack.Resolve(build.RollOutToFunction(function, options).FunctionArn()))] = true
	}
	assert.Len(t, synthtest.Resources(stack, "AWS::Lambda::Function"), 2)
	assert.Len(t, functions, 2, "the function that rolls out is returned, for an alarm")
	for _, role := range []string{"LayercacheRollOutRole", "LayercacheRollOut2Role"} {
		assert.NotEmpty(t, statementsOf(stack, role))
	}
}

func TestRollOutsToConsumersWhosePathsDifferInASlash(t *testing.T) {
	function := func(scope constructs.Construct, id string) awslambda.IFunction {
		return awslambda.Function_FromFunctionName(scope, &id, jsii.String("shop"))
	}
	for name, inOtherStack := range map[string]bool{"in the stack of the build": false, "in another stack": true} {
		t.Run(name, func(t *testing.T) {
			builds := synthtest.Stack()
			build, options := newRollOutBuild(t, builds)
			stack := builds
			if inOtherStack {
				stack = awscdk.NewStack(awscdk.App_Of(builds), jsii.String("Other"), &awscdk.StackProps{Env: &awscdk.Environment{Account: builds.Account(), Region: builds.Region()}})
			}
			for _, f := range []awslambda.IFunction{
				function(constructs.NewConstruct(stack, jsii.String("api")), "blue"),
				function(stack, "api-blue"),
			} {
				build.RollOutToFunction(f, options)
			}
			assert.Len(t, synthtest.Resources(stack, "AWS::Events::Rule"), 2)
		})
	}
}

func TestARollOutOfAnImageInAnotherAccount(t *testing.T) {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Test"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-west-1")},
	})
	props := newDeployProps(t)
	const repository = "arn:aws:ecr:eu-west-1:999999999999:repository/shop"
	props.Image = awsecr.Repository_FromRepositoryArn(stack, jsii.String("Image"), jsii.String(repository))
	options := &imagebuild.RollOutOptions{FunctionZip: props.BuildOnDeploy.FunctionZip}
	props.BuildOnDeploy = nil
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	build.RollOutToFunction(awslambda.Function_FromFunctionName(stack, jsii.String("Function"), jsii.String("shop")), options)
	require.Empty(t, synthtest.Errors(stack))
	granted := statementsOf(stack, "LayercacheRollOut")
	assert.Contains(t, granted, "Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer on "+repository)
	assert.Contains(t, granted, "Allow ecr:DescribeImages on "+repository)
}

func TestARollOutMakesTheImageOneForLambda(t *testing.T) {
	stack := synthtest.Stack()
	build, options := newRollOutBuild(t, stack)
	build.RollOutToFunction(awslambda.Function_FromFunctionName(stack, jsii.String("Shop"), jsii.String("shop")), options)
	project := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
	text, err := json.Marshal(project["Environment"])
	require.NoError(t, err)
	assert.Contains(t, string(text), `{"Name":"LAYERCACHE_ATTESTATIONS","Type":"PLAINTEXT","Value":"none"}`)
}

func TestProblemsOfARollOut(t *testing.T) {
	type given struct {
		stack   awscdk.Stack
		build   *imagebuild.ImageBuild
		options *imagebuild.RollOutOptions
	}
	toFunction := func(make func(given) awslambda.IFunction) func(given) {
		return func(g given) { g.build.RollOutToFunction(make(g), g.options) }
	}
	toService := func(make func(given) awsecs.IBaseService) func(given) {
		return func(g given) { g.build.RollOutToService(make(g), g.options) }
	}
	imported := func(arn string) func(given) {
		return toFunction(func(g given) awslambda.IFunction {
			return awslambda.Function_FromFunctionArn(g.stack, jsii.String("Function"), &arn)
		})
	}
	const byDigest = `has the image by digest, so that the next deployment of the stack would go back to it; name the image by a tag, ` +
		`such as DockerImageCode("latest"), or let the deployment of the stack update the function`
	const runsDigest = `runs an image by digest, which a new deployment of the service would start again; use ContainerImage("latest"), ` +
		`or let the deployment of the stack update the service`
	for name, c := range map[string]struct {
		change  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		rollOut func(given)
		want    string
	}{
		"a function of another account": {
			nil, imported("arn:aws:lambda:eu-west-1:999999999999:function:shop"),
			"RollOutToFunction(Test/Function): is in account 999999999999, but the build is in 111122223333; roll out from a build of that account",
		},
		"a service of another region": {
			nil, toService(func(g given) awsecs.IBaseService {
				return awsecs.BaseService_FromServiceArnWithCluster(g.stack, jsii.String("Service"), jsii.String("arn:aws:ecs:us-east-1:111122223333:service/shops/shop"))
			}),
			"RollOutToService(Test/Service): is in region us-east-1, but the build is in eu-west-1; roll out from a build of that region",
		},
		"a version that was published": {
			nil, imported("arn:aws:lambda:eu-west-1:111122223333:function:shop:7"),
			"RollOutToFunction(Test/Function): names the version 7, which is not an alias; give the function, or an alias",
		},
		"$LATEST": {
			nil, imported("arn:aws:lambda:eu-west-1:111122223333:function:shop:$LATEST"),
			"RollOutToFunction(Test/Function): names the version $LATEST, which is not an alias; give the function, or an alias",
		},
		"a version of the app": {
			nil, toFunction(func(g given) awslambda.IFunction {
				return newImageFunction(g.stack, g.build.DockerImageCode(nil)).CurrentVersion()
			}),
			"RollOutToFunction(Test/Function/CurrentVersion): is a version, which always has the image that it was published with; give the function, or an alias",
		},
		"an alias of $LATEST": {
			nil, toFunction(func(g given) awslambda.IFunction {
				return awslambda.NewAlias(g.stack, jsii.String("Alias"), &awslambda.AliasProps{
					AliasName: jsii.String("live"), Version: newImageFunction(g.stack, g.build.DockerImageCode(nil)).LatestVersion(),
				})
			}),
			"RollOutToFunction(Test/Alias): is an alias of $LATEST, which gets the image without it; give the function instead",
		},
		"an alias of two versions": {
			nil, toFunction(func(g given) awslambda.IFunction {
				function := newImageFunction(g.stack, g.build.DockerImageCode(nil))
				other := awslambda.Version_FromVersionAttributes(g.stack, jsii.String("Other"), &awslambda.VersionAttributes{Lambda: function, Version: jsii.String("3")})
				return function.AddAlias(jsii.String("live"), &awslambda.AliasOptions{AdditionalVersions: &[]*awslambda.VersionWeight{{Version: other, Weight: jsii.Number(0.1)}}})
			}),
			"RollOutToFunction(Test/Function/Aliaslive): shares its calls between versions, and only one of them would get the image; leave out AdditionalVersions",
		},
		"a function with a zip file": {
			nil, toFunction(func(g given) awslambda.IFunction {
				return awslambda.NewFunction(g.stack, jsii.String("Function"), &awslambda.FunctionProps{
					Code: awslambda.Code_FromInline(jsii.String("x")), Handler: jsii.String("index.handler"), Runtime: awslambda.Runtime_NODEJS_22_X(),
				})
			}),
			"RollOutToFunction(Test/Function): is a function with a zip file; make it with awslambda.NewDockerImageFunction",
		},
		"a function with the image by digest": {
			nil, toFunction(func(g given) awslambda.IFunction {
				return newImageFunction(g.stack, g.build.DockerImageCode(jsii.String(digest)))
			}),
			"RollOutToFunction(Test/Function): " + byDigest,
		},
		"a function with the image of the deployment": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.BuildOnDeploy = &imagebuild.BuildOnDeploy{FunctionZip: p.HelperZip}
			},
			toFunction(func(g given) awslambda.IFunction { return newImageFunction(g.stack, g.build.DockerImageCode(nil)) }),
			"RollOutToFunction(Test/Function): " + byDigest,
		},
		"a service with the image of the deployment": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.BuildOnDeploy = &imagebuild.BuildOnDeploy{FunctionZip: p.HelperZip}
			},
			toService(func(g given) awsecs.IBaseService { return newService(g.stack, g.build.ContainerImage(nil)) }),
			"RollOutToService(Test/Service): " + runsDigest,
		},
		"a service with another image": {
			nil, toService(func(g given) awsecs.IBaseService {
				return newService(g.stack, awsecs.ContainerImage_FromRegistry(jsii.String("nginx"), nil), g.build.ContainerImage(jsii.String("v1")))
			}),
			`RollOutToService(Test/Service): has no container with the image by a tag that each build moves; use ContainerImage("latest")`,
		},
		"a service that AWS CodeDeploy deploys": {
			nil, toService(func(g given) awsecs.IBaseService {
				task := awsecs.NewFargateTaskDefinition(g.stack, jsii.String("Task"), nil)
				task.AddContainer(jsii.String("shop"), &awsecs.ContainerDefinitionOptions{Image: g.build.ContainerImage(nil)})
				return awsecs.NewFargateService(g.stack, jsii.String("Service"), &awsecs.FargateServiceProps{
					Cluster: newCluster(g.stack), TaskDefinition: task,
					DeploymentController: &awsecs.DeploymentController{Type: awsecs.DeploymentControllerType_CODE_DEPLOY},
				})
			}),
			"RollOutToService(Test/Service): has the deployment controller CODE_DEPLOY, which starts no deployment for a new image; use the controller ECS",
		},
		"the same function twice": {
			nil, func(g given) {
				function := awslambda.Function_FromFunctionName(g.stack, jsii.String("Function"), jsii.String("shop"))
				g.build.RollOutToFunction(function, g.options)
				g.build.RollOutToFunction(function, g.options)
			},
			"RollOutToFunction(Test/Function): is called twice; call it once",
		},
		"no tag that each build moves": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Tags = jsii.Strings("{commit}") }, imported("arn:aws:lambda:eu-west-1:111122223333:function:shop"),
			"Tags: all have words in braces, but a roll-out follows a tag that each build moves; add one without, such as latest",
		},
		"several images": {
			func(stack awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Bake = &imagebuild.Bake{Images: &map[string]awsecr.IRepository{"shop": awsecr.NewRepository(stack, jsii.String("Shop"), nil)}}
			}, imported("arn:aws:lambda:eu-west-1:111122223333:function:shop"),
			"RollOutToFunction: rolls out one image, but Bake builds several images; leave it out",
		},
		"an image that AWS Lambda refuses": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Build = &imagebuild.BuildOptions{Sbom: jsii.Bool(true)}
			},
			imported("arn:aws:lambda:eu-west-1:111122223333:function:shop"),
			"Build.Sbom: is true, which makes the image an index, and AWS Lambda accepts only a single manifest; leave it out",
		},
		"no function that rolls out": {
			nil, func(g given) {
				function := awslambda.Function_FromFunctionName(g.stack, jsii.String("Function"), jsii.String("shop"))
				g.build.RollOutToFunction(function, &imagebuild.RollOutOptions{FunctionZip: jsii.String("no/such.zip")})
			},
			`RollOutToFunction.FunctionZip: "no/such.zip" is not a file; give the path of a zip with bootstrap, or leave it out to compile it`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Test"), &awscdk.StackProps{
				Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-west-1")},
			})
			props := newDeployProps(t)
			options := &imagebuild.RollOutOptions{FunctionZip: props.BuildOnDeploy.FunctionZip}
			props.BuildOnDeploy = nil
			if c.change != nil {
				c.change(stack, props)
			}
			c.rollOut(given{stack, imagebuild.NewImageBuild(stack, jsii.String("Build"), props), options})
			assert.Equal(t, []string{"Test/Build: " + c.want}, synthtest.Errors(stack))
		})
	}
}

func TestARollOutOfABuildWithProblemsAddsNone(t *testing.T) {
	stack := synthtest.Stack()
	props := newDeployProps(t)
	props.Source = nil
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	function := awslambda.Function_FromFunctionName(stack, jsii.String("Function"), jsii.String("shop"))
	assert.NotNil(t, build.RollOutToFunction(function, nil).MetricErrors(nil), "the program goes on")
	assert.Len(t, synthtest.Errors(stack), 1)
}
