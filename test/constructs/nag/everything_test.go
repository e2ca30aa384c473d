package nag

import (
	"os"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// everything returns an app with all optional features: keys, secrets, a VPC, pull requests, batches,
// schedules. Resources that users bring themselves are imported, so that all findings are about the
// constructs.
func everything(t *testing.T) awscdk.App {
	t.Helper()
	project(t)
	for _, zip := range []string{"amd64.zip", "arm64.zip"} {
		require.NoError(t, os.WriteFile(zip, []byte("helper"), 0o600))
	}
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Everything"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111111111111"), Region: jsii.String("eu-west-1")},
	})
	key := awskms.NewKey(stack, jsii.String("Key"), &awskms.KeyProps{EnableKeyRotation: jsii.Bool(true)})
	figures := insight.NewInsight(stack, jsii.String("Figures"), &insight.InsightProps{
		Apps: &[]*insight.App{{Name: jsii.String("shop")}},
	})
	bases := basesWithEverything(stack, key)
	build := &imagebuild.ImageBuildProps{
		Source: imagebuild.Source_GitHub(jsii.String("example"), jsii.String("shop"), &imagebuild.GitOptions{
			ConnectionArn: jsii.String("arn:aws:codeconnections:eu-west-1:111111111111:connection/aEXAMPLE-8aad-4d5d-8878-dfcab0bc441f"),
		}),
		Triggers: &imagebuild.Triggers{
			Webhook:  &imagebuild.Webhook{},
			Schedule: awsevents.Schedule_Rate(awscdk.Duration_Days(jsii.Number(1))),
			BaseImages: &[]*imagebuild.BaseImage{{
				Repository: awsecr.Repository_FromRepositoryName(stack, jsii.String("Base"), jsii.String("ecr-public/docker/library/golang")),
			}},
		},
		PullRequests: &imagebuild.PullRequests{Cache: cacherepo.NewCacheRepository(stack, jsii.String("PullRequestCache"), nil)},
		Cache:        cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{EncryptionKey: key}),
		Build: &imagebuild.BuildOptions{
			Platforms: jsii.Strings("linux/amd64", "linux/arm64"),
			Secrets: &map[string]*imagebuild.Secret{
				"npm":  imagebuild.Secret_FromSecretsManager(secret(stack, "Npm", "npm-token"), nil),
				"pypi": imagebuild.Secret_FromSsmParameter(awsssm.StringParameter_FromStringParameterName(stack, jsii.String("Pypi"), jsii.String("/ci/pypi")), nil),
			},
		},
		PullThrough:      bases,
		Network:          &imagebuild.Network{Vpc: vpc(stack)},
		Reports:          jsii.Bool(true),
		SigningProfiles:  jsii.Strings("arn:aws:signer:eu-west-1:111111111111:/signing-profiles/images"),
		MetricsNamespace: figures.Namespace(),
		EncryptionKey:    key,
		HelperZip:        jsii.String("{arch}.zip"),
		BuildOnDeploy:    &imagebuild.BuildOnDeploy{FunctionZip: jsii.String("helper.zip"), SourceVersion: jsii.String("v1")},
	}
	rollOut := &imagebuild.RollOutOptions{FunctionZip: jsii.String("helper.zip")}
	imagebuild.NewImageBuild(stack, jsii.String("Shop"), build).RollOutToService(awsecs.BaseService_FromServiceArnWithCluster(
		stack, jsii.String("Service"), jsii.String("arn:aws:ecs:eu-west-1:111111111111:service/shops/shop")), rollOut)
	attachWithEverything(stack, build, key)
	web := imagebuild.NewImageBuild(stack, jsii.String("Web"), &imagebuild.ImageBuildProps{
		Source:      imagebuild.Source_Directory(jsii.String("service"), nil),
		CacheMode:   imagebuild.S3Cache,
		CacheBucket: awss3.Bucket_FromBucketName(stack, jsii.String("Layers"), jsii.String("example-layers")),
		HelperZip:   jsii.String("helper.zip"),

		BuildOnDeploy: &imagebuild.BuildOnDeploy{FunctionZip: jsii.String("helper.zip")},
	})
	web.RollOutToFunction(awslambda.Function_FromFunctionArn(stack, jsii.String("Web function"), jsii.String("arn:aws:lambda:eu-west-1:111111111111:function:web:live")), rollOut)
	return app
}

// attachWithEverything gives a project that is made without the constructs what they give to their own.
func attachWithEverything(stack awscdk.Stack, build *imagebuild.ImageBuildProps, key awskms.IKey) {
	attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		Project: awscodebuild.NewProject(stack, jsii.String("Project"), &awscodebuild.ProjectProps{
			Source:        awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("example"), Repo: jsii.String("shop")}),
			Environment:   &awscodebuild.BuildEnvironment{BuildImage: awscodebuild.LinuxBuildImage_AMAZON_LINUX_2023_5(), Privileged: jsii.Bool(true)},
			EncryptionKey: key,
		}),
		Cache:       build.Cache,
		Images:      &[]awsecr.IRepository{awsecr.Repository_FromRepositoryName(stack, jsii.String("Image"), jsii.String("shop"))},
		PullThrough: build.PullThrough,
		HelperZip:   jsii.String("helper.zip"),
	})
	attach.NewExports(stack, jsii.String("Exports"), &attach.ExportsProps{Caches: map[string]cacherepo.ICacheRepository{"prod": build.Cache}, HelperZip: jsii.String("helper.zip")})
}

func basesWithEverything(stack awscdk.Stack, key awskms.IKey) *pullthrough.PullThroughCache {
	bases := pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{
			{Registry: pullthrough.EcrPublic},
			{Registry: pullthrough.DockerHub, Secret: secret(stack, "DockerHub", "ecr-pullthroughcache/docker-hub")},
		},
		Template: &pullthrough.RepositoryTemplate{EncryptionKey: key, Tags: &map[string]*string{"team": jsii.String("platform")}},
		Pullers:  &[]*access.Party{{Account: jsii.String("222222222222"), RolePath: jsii.String("/ci/")}},
	})
	pullthrough.NewPrewarm(stack, jsii.String("Prewarm"), &pullthrough.PrewarmProps{
		PullThrough: bases,
		Images:      jsii.Strings("golang:1.26"),
		HelperZip:   jsii.String("helper.zip"),
	})
	return bases
}

func secret(stack awscdk.Stack, id, name string) awssecretsmanager.ISecret {
	return awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String(id), jsii.String(name))
}

func vpc(stack awscdk.Stack) awsec2.IVpc {
	return awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId:             jsii.String("vpc-0123456789abcdef0"),
		AvailabilityZones: jsii.Strings("eu-west-1a"),
		PrivateSubnetIds:  jsii.Strings("subnet-0123456789abcdef0"),
	})
}
