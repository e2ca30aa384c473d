//go:build !unit

package imagebuild_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

// allFeatures makes builds that together use every feature: a batch of two platforms, a build on a Docker
// server, and a build with an S3 cache.
func allFeatures(t *testing.T, stack awscdk.Stack, pullThrough bool) {
	t.Helper()
	batch := newBatchProps(t, stack)
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	batch.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{
		Version: jsii.String("main"), Secret: awssecretsmanager.NewSecret(stack, jsii.String("Token"), nil), CloneDepth: jsii.Number(1), Submodules: jsii.Bool(true),
	})
	batch.Triggers = &imagebuild.Triggers{
		Webhook:           &imagebuild.Webhook{},
		Schedule:          awsevents.Schedule_Rate(awscdk.Duration_Days(jsii.Number(7))),
		RefreshOnSchedule: jsii.Bool(true),
		BaseImages: &[]*imagebuild.BaseImage{
			{Repository: awsecr.Repository_FromRepositoryName(stack, jsii.String("Go"), jsii.String("docker-hub/library/golang")), Tag: jsii.String("1.26")},
		},
	}
	batch.PullRequests = &imagebuild.PullRequests{
		Cache: cacherepo.NewCacheRepository(stack, jsii.String("Tier"), nil), Image: awsecr.NewRepository(stack, jsii.String("Previews"), nil),
		Secrets: jsii.Bool(true), ApproverRoles: jsii.Strings("GITHUB_MAINTAIN"), RolePath: jsii.String("/ci/pull-request/"),
	}
	batch.Tags = jsii.Strings("latest", "{branch}-{commit}")
	batch.Build.Target, batch.Build.Provenance, batch.Build.Sbom = jsii.String("release"), jsii.String("mode=max"), jsii.Bool(true)
	batch.Build.Arguments = &map[string]*string{"REGION": stack.Region()}
	batch.Build.Extra = jsii.Strings("--label=team=shop")
	batch.Build.Secrets = &map[string]*imagebuild.Secret{
		"npm": imagebuild.Secret_FromSecretsManager(awssecretsmanager.NewSecret(stack, jsii.String("Npm"), &awssecretsmanager.SecretProps{EncryptionKey: key}), jsii.String("token")),
		"pip": imagebuild.Secret_FromSsmParameter(awsssm.StringParameter_FromSecureStringParameterAttributes(stack, jsii.String("Pip"),
			&awsssm.SecureStringParameterAttributes{ParameterName: jsii.String("/build/pip")}), nil),
	}
	batch.Network = &imagebuild.Network{Vpc: awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(2)})}
	batch.QueuedTimeout, batch.AutoRetryLimit, batch.ConcurrentBuildLimit = awscdk.Duration_Minutes(jsii.Number(30)), jsii.Number(1), jsii.Number(4)
	batch.Reports, batch.MetricsNamespace, batch.EncryptionKey = jsii.Bool(true), jsii.String("layercache"), key
	batch.RolePath = jsii.String("/ci/release/")
	batch.BuildImages = &map[imagebuild.Architecture]*string{imagebuild.AMD64: jsii.String("aws/codebuild/amazonlinux-x86_64-standard:5.0")}
	batch.SigningProfiles = &[]*string{stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("signer"), Resource: jsii.String("/signing-profiles"), ResourceName: jsii.String("images"),
	})}
	_, zip := synthtest.File(t, "function.zip", "function")
	batch.BuildOnDeploy = &imagebuild.BuildOnDeploy{
		FunctionZip: &zip, SourceVersion: jsii.String("0123456789abcdef0123456789abcdef01234567"), Inputs: &map[string]*string{"golang:1.26": jsii.String(digest)},
	}
	if pullThrough {
		batch.PullThrough = pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil)
	}
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), batch)
	build.OnBuildSucceeded(jsii.String("Good"), nil)
	rollOut, rolledOut := &imagebuild.RollOutOptions{FunctionZip: &zip}, constructs.NewConstruct(stack, jsii.String("RolledOut"))
	build.RollOutToService(awsecs.FargateService_FromFargateServiceAttributes(stack, jsii.String("Service"), &awsecs.FargateServiceAttributes{
		Cluster: newCluster(rolledOut), ServiceName: jsii.String("shop"),
	}), rollOut)

	function := newProps(t, synthtest.Stack())
	function.Cache, function.CacheMode = nil, imagebuild.NoCache
	function.BuildOnDeploy = &imagebuild.BuildOnDeploy{FunctionZip: &zip}
	deployed := imagebuild.NewImageBuild(stack, jsii.String("Function"), function)
	deployed.DockerImageCode(nil)
	deployed.RollOutToFunction(awslambda.Function_FromFunctionName(rolledOut, jsii.String("Function"), jsii.String("shop")), rollOut)

	server := newProps(t, synthtest.Stack())
	server.Cache, server.CacheMode = nil, imagebuild.LocalCache
	server.DockerServer = &imagebuild.DockerServer{ComputeType: awscodebuild.DockerServerComputeType_SMALL}
	server.Architecture = imagebuild.ARM64
	server.Triggers = &imagebuild.Triggers{Schedule: awsevents.Schedule_Cron(&awsevents.CronOptions{Hour: jsii.String("3"), Minute: jsii.String("0")})}
	imagebuild.NewImageBuild(stack, jsii.String("Server"), server)

	bucket := newProps(t, synthtest.Stack())
	bucket.Cache, bucket.CacheMode, bucket.CacheBucket = nil, imagebuild.S3Cache, cacheBucket(stack)
	bucket.Source = imagebuild.Source_GitLab(jsii.String("group/api"), &imagebuild.GitOptions{ConnectionArn: jsii.String(connection)})
	bucket.Triggers = &imagebuild.Triggers{Webhook: &imagebuild.Webhook{}}
	imagebuild.NewImageBuild(stack, jsii.String("Bucket"), bucket)
}

func TestAllFeaturesTogetherPassCfnLintInEveryPartition(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	require.NoError(t, err, "cfn-lint is not on PATH: run the tests with `make test`, which installs it, or `pip install cfn-lint`")
	for name, c := range map[string]struct {
		regions     []string
		pullThrough bool
	}{
		"a region with pull-through cache":    {[]string{"eu-west-1"}, true},
		"China and GovCloud, which have none": {[]string{"cn-north-1", "us-gov-west-1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			allFeatures(t, stack, c.pullThrough)
			require.Empty(t, synthtest.Errors(stack))
			text, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
			require.NoError(t, err)
			template := filepath.Join(t.TempDir(), "features.template.json")
			require.NoError(t, os.WriteFile(template, text, 0o600))

			output, err := exec.Command(lint, append(append([]string{"--regions"}, c.regions...), "--", template)...).CombinedOutput()
			assert.NoError(t, err, "%s", output)
			assert.Empty(t, string(output))
			for _, literal := range []string{"amazonaws.com.cn", "arn:aws-", ".amazonaws.com/", "arn:aws:iam", "arn:aws:s3"} {
				assert.NotContains(t, string(text), literal)
			}
		})
	}
}
