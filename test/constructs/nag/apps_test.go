package nag

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/constructs/examples"
)

// apps returns functions that create the apps to check, by description.
func apps(t *testing.T) map[string]func(t *testing.T) awscdk.App {
	t.Helper()
	all, err := examples.All()
	require.NoError(t, err)
	found := map[string]func(t *testing.T) awscdk.App{
		"a stack with each construct":   composed,
		"constructs with everything on": everything,
	}
	for _, example := range all {
		found["the example "+example.Name] = func(t *testing.T) awscdk.App {
			t.Helper()
			project(t)
			config, problems := stacks.ReadConfig(example.Config)
			require.Empty(t, problems)
			app := awscdk.NewApp(nil)
			config.AddTo(app)
			return app
		}
	}
	return found
}

// project creates a folder with a service and a helper and makes it the working directory.
func project(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, examples.WriteProject(dir))
	t.Chdir(dir)
}

func composed(t *testing.T) awscdk.App {
	t.Helper()
	project(t)
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Composed"), nil)
	build := imagebuild.NewImageBuild(stack, jsii.String("Api"), &imagebuild.ImageBuildProps{
		Source:      imagebuild.Source_Directory(jsii.String("service"), nil),
		Cache:       cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		PullThrough: pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil),
		HelperZip:   jsii.String("helper.zip"),
	})
	figures := insight.NewInsight(stack, jsii.String("Figures"), &insight.InsightProps{
		Apps: &[]*insight.App{{Name: jsii.String("Api")}},
	})
	figures.GrantPutMetrics(build)
	return app
}
