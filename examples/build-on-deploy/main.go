// Command build-on-deploy deploys a Lambda function and an ECS service with an
// image that the same deployment builds.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	image := imagebuild.NewImageBuild(stack, jsii.String("Image"), &imagebuild.ImageBuildProps{
		Source:        imagebuild.Source_Directory(jsii.String("service"), nil),
		Cache:         cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		PullThrough:   pullthrough.NewPullThroughCache(stack, jsii.String("PullThrough"), nil),
		BuildOnDeploy: &imagebuild.BuildOnDeploy{},
	})

	// Without a tag, both name the digest that this deployment has built.
	awslambda.NewDockerImageFunction(stack, jsii.String("Function"), &awslambda.DockerImageFunctionProps{
		Code: image.DockerImageCode(nil),
	})
	cluster := awsecs.NewCluster(stack, jsii.String("Cluster"), &awsecs.ClusterProps{
		Vpc: awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(2), NatGateways: jsii.Number(1)}),
	})
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("shop"), &awsecs.ContainerDefinitionOptions{Image: image.ContainerImage(nil)})
	awsecs.NewFargateService(stack, jsii.String("Service"), &awsecs.FargateServiceProps{Cluster: cluster, TaskDefinition: task})

	awscdk.NewCfnOutput(stack, jsii.String("ImageDigest"), &awscdk.CfnOutputProps{Value: image.DeployedImage().Digest})
	awscdk.NewCfnOutput(stack, jsii.String("Verdict"), &awscdk.CfnOutputProps{Value: image.DeployedImage().Verdict})
	app.Synth(nil)
}
