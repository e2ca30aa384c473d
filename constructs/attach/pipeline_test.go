package attach_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/internal/synthtest"
)

// pipelineIn makes a pipeline that publishes an image and a file, as a team has one.
func pipelineIn(t *testing.T, stack awscdk.Stack, change func(*pipelines.CodePipelineProps)) pipelines.CodePipeline {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\n"), 0o600))
	props := &pipelines.CodePipelineProps{
		Synth: pipelines.NewShellStep(jsii.String("Synth"), &pipelines.ShellStepProps{
			Input: pipelines.CodePipelineSource_CodeCommit(
				awscodecommit.Repository_FromRepositoryName(stack, jsii.String("Source"), jsii.String("shop")), jsii.String("main"), nil),
			Commands: jsii.Strings("npx cdk synth"),
		}),
	}
	if change != nil {
		change(props)
	}
	pipeline := pipelines.NewCodePipeline(stack, jsii.String("Pipeline"), props)
	stage := awscdk.NewStage(stack, jsii.String("Prod"), nil)
	shop := awscdk.NewStack(stage, jsii.String("Shop"), nil)
	awsecrassets.NewDockerImageAsset(shop, jsii.String("Image"), &awsecrassets.DockerImageAssetProps{Directory: &dir})
	awss3assets.NewAsset(shop, jsii.String("File"), &awss3assets.AssetProps{Path: jsii.String(filepath.Join(dir, "Dockerfile"))})
	pipeline.AddStage(stage, nil)
	return pipeline
}

func TestTheAssetsOfACdkPipelineGetTheCache(t *testing.T) {
	stack := synthtest.Stack()
	assets := attach.NewPipelineAssets(stack, jsii.String("Layercache"), &attach.PipelineAssetsProps{Cache: jsii.String("prod"), Prefix: jsii.String("team")})
	pipeline := pipelineIn(t, stack, func(props *pipelines.CodePipelineProps) {
		props.AssetPublishingCodeBuildDefaults = assets.CodeBuildOptions()
	})
	pipeline.BuildPipeline()
	assets.Grant(pipeline)
	require.Empty(t, synthtest.Errors(stack))

	publishing := map[string]map[string]any{}
	for id, project := range synthtest.Resources(stack, "AWS::CodeBuild::Project") {
		properties := project["Properties"].(map[string]any)
		buildspec, _ := properties["Source"].(map[string]any)["BuildSpec"].(string)
		if !strings.Contains(id, "Assets") {
			assert.NotContains(t, buildspec, "LAYERCACHE", "%s publishes nothing", id)
			continue
		}
		publishing[id] = properties
		var phases struct {
			Phases map[string]struct{ Commands []string }
		}
		require.NoError(t, json.Unmarshal([]byte(buildspec), &phases))
		assert.Contains(t, phases.Phases["install"].Commands, buildspecs.FetchDocker, id)
		assert.Contains(t, phases.Phases["build"].Commands[0], "cdk-assets --path", id)
		assert.ElementsMatch(t, []string{
			"LAYERCACHE_REPOSITORY=import(team:prod:repository)", "LAYERCACHE_HELPER=/team/helper/amd64 (PARAMETER_STORE)", "CDK_DOCKER=layercache-docker",
		}, variablesOf(properties), id)
		assert.Equal(t, strings.Contains(id, "Docker"), properties["Environment"].(map[string]any)["PrivilegedMode"], id)
	}
	assert.Len(t, publishing, 2)

	policies := map[string]string{}
	for id, role := range synthtest.Resources(stack, "AWS::IAM::Role") {
		if arns, ok := role["Properties"].(map[string]any)["ManagedPolicyArns"].([]any); ok {
			require.Len(t, arns, 1, id)
			policies[id[:len(id)-8]] = arns[0].(map[string]any)["Fn::ImportValue"].(string)
		}
	}
	assert.Equal(t, map[string]string{
		"PipelineAssetsDockerRole": "team:prod:write-policy", "PipelineAssetsFileRole": "team:prod:read-policy",
	}, policies, "no other role gets a policy")
}

func TestTheHelperOfAPipelineIsOfTheBuildImagesArchitecture(t *testing.T) {
	stack := synthtest.Stack()
	assets := attach.NewPipelineAssets(stack, jsii.String("Layercache"), &attach.PipelineAssetsProps{
		Cache: jsii.String("prod"), BuildImage: awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2023_STANDARD_3_0(),
	})
	environment := assets.CodeBuildOptions().BuildEnvironment
	assert.Equal(t, "ARM_CONTAINER", *environment.BuildImage.Type())
	assert.Equal(t, "/layercache/helper/arm64", (*environment.EnvironmentVariables)["LAYERCACHE_HELPER"].Value)
}

func TestProblemsOfPipelineAssets(t *testing.T) {
	stack := synthtest.Stack()
	attach.NewPipelineAssets(stack, jsii.String("Empty"), nil)
	wrong := attach.NewPipelineAssets(stack, jsii.String("Wrong"), &attach.PipelineAssetsProps{
		Cache: jsii.String("a:b"), Prefix: jsii.String("Team"), BuildImage: awscodebuild.LinuxLambdaBuildImage_AMAZON_LINUX_2023_NODE_20(),
	})
	early := attach.NewPipelineAssets(stack, jsii.String("Early"), &attach.PipelineAssetsProps{Cache: jsii.String("prod")})
	pipeline := pipelineIn(t, stack, nil)
	wrong.Grant(pipeline)
	early.Grant(pipeline)
	assert.Equal(t, []string{
		`Test/Empty: Cache: is missing; give the name of a cache of Exports, such as "prod"`,
		`Test/Wrong: Cache: "a:b" has the wrong form; use lower-case letters, digits and '-'`,
		`Test/Wrong: Prefix: "Team" has the wrong form; use lower-case letters, digits and '-'`,
		"Test/Wrong: BuildImage: is for machines of type LINUX_LAMBDA_CONTAINER, on which no builder runs; use an image for LINUX_CONTAINER or ARM_CONTAINER",
		"Test/Early: Grant: Test/Pipeline publishes no assets yet; call it after BuildPipeline, for a pipeline whose stages have assets",
	}, synthtest.Errors(stack))
}
