//go:build !unit

package insight_test

import (
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestTheTemplatePassesCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	require.NoError(t, err, "cfn-lint is not on PATH: run the tests with `make test`, which installs it, or `pip install cfn-lint`")
	stack := stackIn("111111111111", "eu-west-1")
	insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{Apps: &[]*insight.App{
		{Name: jsii.String("shop")},
		{Name: jsii.String("shop"), Label: jsii.String("shop-prod"), Account: jsii.String("222222222222")},
		{Name: jsii.String("web"), Region: jsii.String("us-east-1"), Alarms: jsii.Bool(false)},
	}})
	template, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	require.NoError(t, err)
	_, path := synthtest.File(t, "template.json", string(template))
	output, err := exec.Command(lint, "--regions", "eu-west-1", "--", path).CombinedOutput()
	assert.NoError(t, err, "%s", output)
	assert.Empty(t, string(output))
}
