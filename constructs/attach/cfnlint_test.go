//go:build !unit

package attach_test

import (
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestTheTemplatesPassCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	require.NoError(t, err, "cfn-lint is not on PATH: run the tests with `make test`, which installs it, or `pip install cfn-lint`")
	stack := synthtest.Stack()
	cache := cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)
	attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		Project: projectIn(stack, nil), HelperZip: helperZip, Cache: cache,
		Images:      &[]awsecr.IRepository{awsecr.NewRepository(stack, jsii.String("Image"), nil)},
		PullThrough: pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil),
	})
	attach.NewExports(stack, jsii.String("Exports"), &attach.ExportsProps{HelperZip: helperZip, Caches: map[string]cacherepo.ICacheRepository{"prod": cache}})
	assertLints(t, lint, stack)

	stack = synthtest.Stack()
	assets := attach.NewPipelineAssets(stack, jsii.String("Layercache"), &attach.PipelineAssetsProps{Cache: jsii.String("prod")})
	pipeline := pipelineIn(t, stack, func(props *pipelines.CodePipelineProps) {
		props.AssetPublishingCodeBuildDefaults = assets.CodeBuildOptions()
	})
	pipeline.BuildPipeline()
	assets.Grant(pipeline)
	require.Empty(t, synthtest.Errors(stack))
	// CDK Pipelines writes a Fn::Join and a DependsOn that cfn-lint dislikes.
	assertLints(t, lint, stack, "--ignore-checks", "E3703", "W3005")
}

func assertLints(t *testing.T, lint string, stack awscdk.Stack, options ...string) {
	t.Helper()
	template, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	require.NoError(t, err)
	_, path := synthtest.File(t, "template.json", string(template))
	output, err := exec.Command(lint, append(options, "--regions", "eu-west-1", "--", path)...).CombinedOutput()
	assert.NoError(t, err, "%s", output)
	assert.Empty(t, string(output))
}
