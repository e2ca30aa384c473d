package stacks_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/stacks"
)

// A shared account with the caches, and an account whose builds use the tier prod.
func ExampleNewBuildStack() {
	const shared, workload, region = "111111111111", "222222222222", "eu-central-1"
	environment := func(account string) *awscdk.Environment {
		return &awscdk.Environment{Account: jsii.String(account), Region: jsii.String(region)}
	}
	app := awscdk.NewApp(nil)
	stacks.NewCacheStack(app, jsii.String("Caches"), &stacks.CacheStackProps{
		StackProps: awscdk.StackProps{Env: environment(shared)},
		Name:       jsii.String("team"),
		Tiers: map[string]*cacherepo.CacheRepositoryProps{
			"dev":  {Readers: &[]*access.Party{{OrganizationID: jsii.String("o-a1b2c3d4e5")}}},
			"prod": {Writers: &[]*access.Party{{Account: jsii.String(workload), RolePath: jsii.String("/team/build/")}}},
		},
	})
	build := stacks.NewBuildStack(app, jsii.String("Builds"), &stacks.BuildStackProps{
		StackProps: awscdk.StackProps{Env: environment(workload)},
		Cache: &cacherepo.CacheRepositoryAttributes{
			RepositoryName: jsii.String(stacks.TierRepositoryName("team", "prod")),
			Account:        jsii.String(shared),
			PolicyAllows:   jsii.Bool(true),
		},
		Builds: map[string]imagebuild.ImageBuildProps{
			"api": {
				Source:    imagebuild.Source_GitHub(jsii.String("acme"), jsii.String("api"), nil),
				RolePath:  jsii.String("/team/build/"),
				HelperZip: jsii.String("../constructs/imagebuild/testdata/helper-{arch}.zip"), // otherwise compiled,
			},
		},
	})

	app.Synth(nil)
	fmt.Println(*build.StackName(), len(build.Builds()))
	// Output: Builds 1
}
