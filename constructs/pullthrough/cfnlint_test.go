//go:build !unit

package pullthrough_test

import (
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestAStackWithEverythingPassesCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	require.NoError(t, err, "cfn-lint is not on PATH: run the tests with `make test`, which installs it, or `pip install cfn-lint`")
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: everyUpstream(stack),
		Template: &pullthrough.RepositoryTemplate{
			EncryptionKey: awskms.NewKey(stack, jsii.String("Key"), nil),
			Tags:          &map[string]*string{"team": jsii.String("platform")},
		},
		Pullers: &[]*access.Party{{Account: jsii.String(there)}, {OrganizationID: jsii.String("o-a1b2c3d4e5"), RolePath: jsii.String("/ci/")}},
	})
	_, helper := synthtest.File(t, "helper.zip", "helper")
	pullthrough.NewPrewarm(stack, jsii.String("Prewarm"), &pullthrough.PrewarmProps{
		PullThrough: cache, Images: jsii.Strings("golang:1.26", "quay.io/prometheus/node-exporter"), HelperZip: &helper,
	})
	require.Empty(t, synthtest.Errors(stack))

	text, err := json.Marshal(*assertions.Template_FromStack(stack, nil).ToJSON())
	require.NoError(t, err)
	_, file := synthtest.File(t, "stack.template.json", string(text))
	output, err := exec.Command(lint, "--regions", "eu-west-1", "--", file).CombinedOutput()
	assert.NoError(t, err, "%s", output)
	assert.Empty(t, string(output))
}
