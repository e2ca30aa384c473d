package pullthrough_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

// Docker Hub and ECR Public, for the builds of this account and of another one.
func ExampleNewPullThroughCache() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Bases"), nil)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("PullThrough"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{
			{Registry: pullthrough.EcrPublic},
			{Registry: pullthrough.DockerHub, Secret: awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("DockerHub"), jsii.String("ecr-pullthroughcache/docker-hub"))},
		},
		Template: &pullthrough.RepositoryTemplate{Tags: &map[string]*string{"team": jsii.String("platform")}},
		Pullers:  &[]*access.Party{{Account: jsii.String("222222222222"), RolePath: jsii.String("/ci/")}},
	})
	fmt.Println(synthtest.Text(stack.Resolve(cache.Mirrors())))
	// Output:
	// public.ecr.aws=${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/ecr-public,docker.io=${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/docker-hub
}

// A role that may pull one image and nothing else.
func ExamplePullThroughCache_GrantPull() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Bases"), nil)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("PullThrough"), nil)
	cache.GrantPull(newRole(stack), &pullthrough.PullOptions{Repositories: jsii.Strings("public.ecr.aws/docker/library/golang")})
	for _, statement := range policyOf(stack, "RoleDefaultPolicy") {
		fmt.Println(statement)
	}
	// Output:
	// Allow ecr:GetAuthorizationToken on *
	// Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchImportUpstreamImage ecr:CreateRepository on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/ecr-public/docker/library/golang
}

// Base images that are cached before the first builds of the day.
func ExampleNewPrewarm() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Bases"), nil)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("PullThrough"), nil)
	pullthrough.NewPrewarm(stack, jsii.String("Prewarm"), &pullthrough.PrewarmProps{
		PullThrough: cache,
		Images:      jsii.Strings("public.ecr.aws/docker/library/golang:1.26", "quay.io/prometheus/busybox:latest"),
		HelperZip:   jsii.String("example_test.go"), // any file will do for this example; leave it out
	})
	assertions.Template_FromStack(stack, nil).ResourceCountIs(jsii.String("AWS::Events::Rule"), jsii.Number(1))
	// Output:
}

// The rules of a shared account, for the builds of this one.
func ExamplePullThroughCache_imported() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Builds"), nil)
	cache := pullthrough.PullThroughCache_FromPullThroughCacheAttributes(stack, jsii.String("PullThrough"), &pullthrough.PullThroughCacheAttributes{
		Account: jsii.String("111111111111"),
		Region:  jsii.String("eu-west-1"),
	})
	fmt.Println(synthtest.Text(stack.Resolve(cache.ImageUri(jsii.String("quay.io/prometheus/busybox:latest")))))
	// Output:
	// 111111111111.dkr.ecr.eu-west-1.${AWS::URLSuffix}/quay/prometheus/busybox:latest
}
