// Command cdk-pipeline is a CDK pipeline whose images use a shared layer cache. The stage and its images know nothing
// of it. The cache stack with "share": true is deployed first.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/attach"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Pipeline"), nil)
	// New: the cache prod of the account and region of the pipeline.
	assets := attach.NewPipelineAssets(stack, jsii.String("Layercache"), &attach.PipelineAssetsProps{Cache: jsii.String("prod")})
	pipeline := pipelines.NewCodePipeline(stack, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		Synth: pipelines.NewShellStep(jsii.String("Synth"), &pipelines.ShellStepProps{
			Input: pipelines.CodePipelineSource_Connection(jsii.String("acme/shop"), jsii.String("main"), &pipelines.ConnectionSourceOptions{
				ConnectionArn: jsii.String("arn:aws:codeconnections:eu-central-1:111122223333:connection/11111111-2222-3333-4444-555555555555"),
			}),
			Commands: jsii.Strings("npx cdk synth"),
		}),
		AssetPublishingCodeBuildDefaults: assets.CodeBuildOptions(), // new
	})
	pipeline.AddStage(shop(app), nil)
	pipeline.BuildPipeline()
	assets.Grant(pipeline) // new
	app.Synth(nil)
}

// shop is the application that the pipeline deploys.
func shop(scope constructs.Construct) awscdk.Stage {
	stage := awscdk.NewStage(scope, jsii.String("Prod"), nil)
	stack := awscdk.NewStack(stage, jsii.String("Shop"), nil)
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("shop"), &awsecs.ContainerDefinitionOptions{
		Image: awsecs.ContainerImage_FromAsset(jsii.String("service"), nil),
	})
	return stage
}
