package cacherepo_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/cacherepo"
)

// A cache of release builds: one account writes it and the organization reads it.
func ExampleNewCacheRepository() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Cache"), nil)
	cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{
		RepositoryName: jsii.String("team/cache/prod"),
		Readers:        &[]*access.Party{{OrganizationID: jsii.String("o-a1b2c3d4e5")}},
		Writers:        &[]*access.Party{{Account: jsii.String("111111111111"), RolePath: jsii.String("/ci/release/")}},
	})

	assertions.Template_FromStack(stack, nil).ResourceCountIs(jsii.String("AWS::ECR::Repository"), jsii.Number(1))
	fmt.Println(*stack.StackName())
	// Output: Cache
}

// A role that reads the cache of another account.
func ExampleCacheRepository_import() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Build"), nil)
	cache := cacherepo.CacheRepository_FromCacheRepositoryArn(stack, jsii.String("Cache"),
		jsii.String("arn:aws:ecr:eu-central-1:111111111111:repository/team/cache/prod"))
	role := awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
	})
	cache.GrantRead(role)

	app.Synth(nil)
	fmt.Println(*cache.RepositoryName())
	// Output: team/cache/prod
}
