package docker

import (
	"cmp"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// synthesize is the app of testdata/cdk in Go, whose stack in America may be in another account. The CDK CLI runs it as a
// program: this test's.
func synthesize() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	name, services := os.Getenv("STACK"), os.Getenv("SERVICES")
	stack := func(name, account, region string) awscdk.Stack {
		return awscdk.NewStack(app, &name, &awscdk.StackProps{Env: &awscdk.Environment{Account: &account, Region: &region}})
	}
	cache := &awsecrassets.DockerCacheOption{Type: jsii.String("registry"), Params: &map[string]*string{"ref": jsii.String(os.Getenv("THEIR_CACHE"))}}

	europe := stack(name, account, "eu-west-1")
	api := awsecrassets.NewDockerImageAsset(europe, jsii.String("Api"), &awsecrassets.DockerImageAssetProps{
		Directory:     jsii.String(services + "/api"),
		Target:        jsii.String("release"),
		Platform:      awsecrassets.Platform_LINUX_AMD64(),
		BuildArgs:     &map[string]*string{"VERSION": jsii.String("7")},
		BuildContexts: &map[string]*string{"shared": jsii.String(services + "/shared")},
		BuildSecrets:  &map[string]*string{"token": awscdk.DockerBuildSecret_FromSrc(jsii.String(services + "/token"))},
	})
	web := awsecrassets.NewDockerImageAsset(europe, jsii.String("Web"), &awsecrassets.DockerImageAssetProps{
		Directory: jsii.String(services + "/web"), CacheFrom: &[]*awsecrassets.DockerCacheOption{cache}, CacheTo: cache,
	})
	awscdk.NewCfnOutput(europe, jsii.String("ApiImage"), &awscdk.CfnOutputProps{Value: api.ImageUri()})
	awscdk.NewCfnOutput(europe, jsii.String("WebImage"), &awscdk.CfnOutputProps{Value: web.ImageUri()})

	// An image to bundle functions with, built when the app runs.
	awscdk.DockerImage_FromBuild(jsii.String(services+"/tools"), nil)

	for _, in := range []awscdk.Stack{europe, stack(name+"America", cmp.Or(os.Getenv("AMERICA"), account), "us-east-1")} {
		awslambda.NewDockerImageFunction(in, jsii.String("Job"), &awslambda.DockerImageFunctionProps{
			Code: awslambda.DockerImageCode_FromImageAsset(jsii.String(services+"/job"), &awslambda.AssetImageCodeProps{File: jsii.String("Containerfile")}),
		})
	}
	app.Synth(nil)
}
