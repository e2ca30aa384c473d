package validation

import (
	"os"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

func TestIsLiteralAgreesWithTheCDKOnTokens(t *testing.T) {
	for _, s := range []*string{
		jsii.String("plain"), jsii.String(""), jsii.String("${AWS::Region}"),
		awscdk.Aws_REGION(), jsii.String("before-" + *awscdk.Aws_ACCOUNT_ID() + "-after"), awscdk.Fn_ImportValue(jsii.String("x")),
	} {
		assert.Equal(t, !*awscdk.Token_IsUnresolved(s), IsLiteral(s), "%s", *s)
	}
	assert.False(t, IsLiteral(nil))
}
