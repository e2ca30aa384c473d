// Command monorepo builds each service of one Git repository, and only when
// its own folder changes.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Monorepo"), nil)
	cache := cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)
	bases := pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil)
	for _, service := range []string{"api", "web"} {
		folder := "services/" + service
		imagebuild.NewImageBuild(stack, jsii.String(service), &imagebuild.ImageBuildProps{
			Source:     imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("shop"), nil),
			App:        jsii.String(service),
			Context:    jsii.String(folder),
			Dockerfile: jsii.String(folder + "/Dockerfile"),
			Cache:      cache,
			// What steps put into these cache mounts of the Dockerfiles is kept with the cache.
			CacheMounts:     jsii.Strings("/go/pkg/mod", "/root/.cache/go-build"),
			CacheMountLimit: awscdk.Size_Gibibytes(jsii.Number(4)),
			PullThrough:     bases,
			Triggers:        &imagebuild.Triggers{Webhook: &imagebuild.Webhook{Filters: changesOf(folder)}},
		})
	}
	app.Synth(nil)
}

// changesOf matches pushes to main, and pull requests, that change the folder.
func changesOf(folder string) *[]*imagebuild.FilterGroup {
	inside := &imagebuild.FilterCondition{Type: imagebuild.FilePath, Pattern: jsii.String("^" + folder + "/")}
	main := &imagebuild.FilterCondition{Type: imagebuild.HeadRef, Pattern: jsii.String("^refs/heads/main$")}
	return &[]*imagebuild.FilterGroup{
		{
			Events:     &[]awscodebuild.EventAction{awscodebuild.EventAction_PUSH},
			Conditions: &[]*imagebuild.FilterCondition{main, inside},
		},
		{
			Events: &[]awscodebuild.EventAction{
				awscodebuild.EventAction_PULL_REQUEST_CREATED, awscodebuild.EventAction_PULL_REQUEST_UPDATED,
			},
			Conditions: &[]*imagebuild.FilterCondition{inside},
		},
	}
}
