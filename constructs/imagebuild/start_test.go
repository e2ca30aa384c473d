package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestGrantStartIsLimitedToTheProjectAndItsLog(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack))
	build.GrantStart(awsiam.NewRole(stack, jsii.String("Starter"), &awsiam.RoleProps{AssumedBy: awsiam.NewAccountRootPrincipal()}))

	assert.Equal(t, []string{
		"Allow codebuild:StartBuild codebuild:BatchGetBuilds on ${BuildProject943F6A6A.Arn}",
		"Allow logs:GetLogEvents logs:FilterLogEvents on ${BuildLogs04E75593.Arn}",
	}, policyOf(t, stack, "Starter"))
}

func TestGrantStartOfABatchDoesNotAllowSingleBuilds(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), newBatchProps(t, stack))
	build.GrantStart(awsiam.NewRole(stack, jsii.String("Starter"), &awsiam.RoleProps{AssumedBy: awsiam.NewAccountRootPrincipal()}))

	assert.Equal(t, []string{
		"Allow codebuild:StartBuildBatch codebuild:BatchGetBuildBatches codebuild:BatchGetBuilds on ${BuildProject943F6A6A.Arn}",
		"Allow logs:GetLogEvents logs:FilterLogEvents on ${BuildLogs04E75593.Arn}",
	}, policyOf(t, stack, "Starter"))
}

func TestRulesForBuildsThatSucceedAndFail(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack))
	build.OnBuildSucceeded(jsii.String("Good"), nil)
	build.OnBuildFailed(jsii.String("Bad"), nil)

	for id, status := range map[string]string{"BuildProjectGood": "SUCCEEDED", "BuildProjectBad": "FAILED"} {
		assert.Equal(t, map[string]any{
			"source":      []any{"aws.codebuild"},
			"detail-type": []any{"CodeBuild Build State Change"},
			"detail":      map[string]any{"project-name": []any{map[string]any{"Ref": "BuildProject943F6A6A"}}, "build-status": []any{status}},
		}, rule(t, stack, id)["EventPattern"])
	}
}

func TestMetrics(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.App, props.MetricsNamespace = jsii.String("api"), jsii.String("team/builds")
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	hit := build.Metric(jsii.String("HitRatio"), &awscloudwatch.MetricOptions{Statistic: jsii.String("Minimum")})
	assert.Equal(t, "team/builds", *hit.Namespace())
	assert.Equal(t, "HitRatio", *hit.MetricName())
	assert.Equal(t, "Minimum", *hit.Statistic())
	assert.Equal(t, map[string]any{"App": "api"}, *hit.Dimensions())
	for name, metric := range map[string]awscloudwatch.Metric{
		"Builds": build.MetricBuilds(nil), "Duration": build.MetricDuration(nil), "SucceededBuilds": build.MetricSucceededBuilds(nil), "FailedBuilds": build.MetricFailedBuilds(nil),
	} {
		assert.Equal(t, "AWS/CodeBuild", *metric.Namespace())
		assert.Equal(t, name, *metric.MetricName())
	}
	assert.Equal(t, "team/builds", variables(t, stack)["LAYERCACHE_METRICS_NAMESPACE"])
	assert.Contains(t, policyOf(t, stack, releaseRole), "Allow cloudwatch:PutMetricData on * if StringEquals=cloudwatch:namespace=team/builds")
}

func TestWithoutANamespaceMetricReadsTheDefault(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack))
	assert.Equal(t, imagebuild.DefaultMetricsNamespace, *build.Metric(jsii.String("SavedUSD"), nil).Namespace())
	assert.NotContains(t, variables(t, stack), "LAYERCACHE_METRICS_NAMESPACE")
}

func TestImagesForOtherServices(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Tags = jsii.Strings("{commit}", "v1")
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	text := func(value any) string { return synthtest.Text(stack.Resolve(value)) }

	image := uri("BuildImage47D28642")
	assert.Equal(t, image+":v1", text(build.ImageUri(nil)))
	assert.Equal(t, image+":next", text(build.ImageUri(jsii.String("next"))))
	assert.Equal(t, image+"@"+digest, text(build.ImageUri(jsii.String(digest))))
	runner := build.AppRunnerImage(nil)
	assert.Equal(t, image+":v1", text(runner.ImageIdentifier))
	assert.Equal(t, "ECR", *runner.ImageRepositoryType)

	awslambda.NewDockerImageFunction(stack, jsii.String("Function"), &awslambda.DockerImageFunctionProps{Code: build.DockerImageCode(jsii.String(digest))})
	awslambda.NewFunction(stack, jsii.String("Plain"), &awslambda.FunctionProps{
		Code: build.EcrImageCode(nil), Handler: awslambda.Handler_FROM_IMAGE(), Runtime: awslambda.Runtime_FROM_IMAGE(),
	})
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("api"), &awsecs.ContainerDefinitionOptions{Image: build.ContainerImage(nil)})

	code := func(id string) string {
		return synthtest.Text(resource(t, stack, "AWS::Lambda::Function", id)["Properties"].(map[string]any)["Code"].(map[string]any)["ImageUri"])
	}
	assert.Equal(t, image+"@"+digest, code("Function"))
	assert.Equal(t, image+":v1", code("Plain"))
	definition := synthtest.Properties(t, stack, "AWS::ECS::TaskDefinition")["ContainerDefinitions"].([]any)[0].(map[string]any)
	assert.Equal(t, image+":v1", synthtest.Text(definition["Image"]))
}

func TestImageUriIsLatestIfEveryTagHasAWordInBraces(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Tags = jsii.Strings("{commit}")
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	assert.Equal(t, uri("BuildImage47D28642")+":latest", synthtest.Text(stack.Resolve(build.ImageUri(nil))))
}
