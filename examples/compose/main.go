// Command compose builds the image of the folder shop with a layer cache.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Platform"), nil)
	imagebuild.NewImageBuild(stack, jsii.String("Shop"), &imagebuild.ImageBuildProps{
		Source:      imagebuild.Source_Directory(jsii.String("shop"), nil),
		Cache:       cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		PullThrough: pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil),
	})
	app.Synth(nil)
}
