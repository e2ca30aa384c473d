// Command lambda-and-ecs builds an image that AWS Lambda accepts, and runs it
// in a function and in an ECS task once it has been built.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	builds := awscdk.NewStack(app, jsii.String("Builds"), nil)
	image := imagebuild.NewImageBuild(builds, jsii.String("Shop"), &imagebuild.ImageBuildProps{
		Source: imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("shop"), nil),
		Cache:  cacherepo.NewCacheRepository(builds, jsii.String("Cache"), nil),
		// Lambda refuses an image index, which is what buildx pushes with provenance.
		Attestations: imagebuild.NoAttestations,
	})

	// cdk deploy Service -c digest=sha256:…, once there is an image.
	if digest, ok := app.Node().TryGetContext(jsii.String("digest")).(string); ok {
		service := awscdk.NewStack(app, jsii.String("Service"), nil)
		awslambda.NewDockerImageFunction(service, jsii.String("Function"), &awslambda.DockerImageFunctionProps{
			Code: image.DockerImageCode(&digest),
		})
		task := awsecs.NewFargateTaskDefinition(service, jsii.String("Task"), nil)
		task.AddContainer(jsii.String("shop"), &awsecs.ContainerDefinitionOptions{Image: image.ContainerImage(&digest)})
	}
	app.Synth(nil)
}
