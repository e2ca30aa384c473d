// Command existing-project attaches a layer cache to a CodeBuild project that a
// team has already. Two lines of its buildspec are new.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/constructs/cacherepo"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	image := awsecr.NewRepository(stack, jsii.String("Image"), &awsecr.RepositoryProps{RepositoryName: jsii.String("shop")})
	project := awscodebuild.NewProject(stack, jsii.String("Build"), &awscodebuild.ProjectProps{
		Source: awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("acme"), Repo: jsii.String("shop")}),
		Environment: &awscodebuild.BuildEnvironment{
			BuildImage: awscodebuild.LinuxBuildImage_AMAZON_LINUX_2023_5(),
			Privileged: jsii.Bool(true),
		},
		EnvironmentVariables: &map[string]*awscodebuild.BuildEnvironmentVariable{"IMAGE": {Value: image.RepositoryUri()}},
		BuildSpec: awscodebuild.BuildSpec_FromObject(&map[string]any{
			"version": "0.2",
			"phases": map[string]any{
				// New: the helper on PATH. In a buildspec.yml, write the same line.
				"install": map[string]any{"commands": []any{attach.SetupCommand()}},
				// It was docker build and docker push.
				"build": map[string]any{"commands": []any{`layercache build --push --tag "$IMAGE:latest" .`}},
			},
		}),
	})
	attach.NewAttachment(stack, jsii.String("Layercache"), &attach.AttachmentProps{
		Project: project,
		Cache:   cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		Images:  &[]awsecr.IRepository{image},
	})
	app.Synth(nil)
}
