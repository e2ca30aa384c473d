package imagebuild_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// helperZip saves the examples from compiling the helper. Do not set HelperZip in your program.
var helperZip = jsii.String("testdata/helper.zip")

// An image that is built when main is pushed. Pull requests are built under a role that can only read the
// cache.
func ExampleNewImageBuild() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Builds"), nil)
	cache := cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)
	build := imagebuild.NewImageBuild(stack, jsii.String("Shop"), &imagebuild.ImageBuildProps{
		Source: imagebuild.Source_GitHub(jsii.String("example"), jsii.String("shop"), &imagebuild.GitOptions{
			ConnectionArn: jsii.String("arn:aws:codeconnections:eu-west-1:111111111111:connection/0a1b2c3d"),
		}),
		Triggers:    &imagebuild.Triggers{Webhook: &imagebuild.Webhook{}},
		Cache:       cache,
		PullThrough: pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil),
		HelperZip:   helperZip,
	})

	app.Synth(nil)
	fmt.Println(build.PullRequestProject() != nil)
	// Output: true
}

// An image for two platforms, each built on its own machine, with a secret for RUN
// --mount=type=secret,id=npm. It is rebuilt when its base image changes.
func ExampleNewImageBuild_platforms() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Builds"), nil)
	build := imagebuild.NewImageBuild(stack, jsii.String("Shop"), &imagebuild.ImageBuildProps{
		Source: imagebuild.Source_GitLab(jsii.String("example/shop"), nil),
		Cache:  cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		Tags:   jsii.Strings("latest", "{commit}"),
		Build: &imagebuild.BuildOptions{
			Platforms: jsii.Strings("linux/amd64", "linux/arm64"),
			Secrets: &map[string]*imagebuild.Secret{
				"npm": imagebuild.Secret_FromSecretsManager(awssecretsmanager.NewSecret(stack, jsii.String("Npm"), nil), nil),
			},
		},
		Triggers: &imagebuild.Triggers{
			Webhook: &imagebuild.Webhook{Filters: &[]*imagebuild.FilterGroup{{
				Events:     &[]awscodebuild.EventAction{awscodebuild.EventAction_PUSH},
				Conditions: &[]*imagebuild.FilterCondition{{Type: imagebuild.HeadRef, Pattern: jsii.String("^refs/heads/main$")}},
			}}},
			Schedule:          awsevents.Schedule_Rate(awscdk.Duration_Days(jsii.Number(7))),
			RefreshOnSchedule: jsii.Bool(true),
			BaseImages: &[]*imagebuild.BaseImage{{
				Repository: awsecr.Repository_FromRepositoryName(stack, jsii.String("Node"), jsii.String("docker-hub/library/node")),
				Tag:        jsii.String("24"),
			}},
		},
		HelperZip: jsii.String("testdata/helper-{arch}.zip"),
	})

	app.Synth(nil)
	fmt.Println(build.IsBatch(), build.PullRequestProject() != nil)
	// Output: true false
}

// An image that reaches a service and a function after each build. An alarm tells that it did not.
func ExampleImageBuild_RollOutToService() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Builds"), nil)
	build := imagebuild.NewImageBuild(stack, jsii.String("Shop"), &imagebuild.ImageBuildProps{
		Source:    imagebuild.Source_GitHub(jsii.String("example"), jsii.String("shop"), nil),
		Cache:     cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		HelperZip: helperZip,
	})
	service := awsecs.BaseService_FromServiceArnWithCluster(stack, jsii.String("Service"), jsii.String("arn:aws:ecs:eu-west-1:111111111111:service/shops/shop"))
	function := awslambda.Function_FromFunctionName(stack, jsii.String("Mails"), jsii.String("shop-mails"))

	// Do not set FunctionZip in your program.
	options := &imagebuild.RollOutOptions{FunctionZip: helperZip}
	build.RollOutToService(service, options)
	build.RollOutToFunction(function, options).MetricErrors(nil).CreateAlarm(stack, jsii.String("NotRolledOut"), &awscloudwatch.CreateAlarmOptions{
		Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(1),
	})

	fmt.Println(len(*app.Synth(nil).Stacks()))
	// Output: 1
}
