package validation

import (
	"os"
	"strings"
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

func TestAProblemShowsTheBeginningOfAVeryLongValue(t *testing.T) {
	long, shown := strings.Repeat("x", 100_000), strings.Repeat("x", 300)+"…"
	for _, c := range []struct {
		name    string
		problem Problem
		want    string
	}{
		{"a short value", Problem{"App", `"a b" has the wrong form`, "use letters"}, `App: "a b" has the wrong form; use letters`},
		{"a long value", Problem{"App", `"` + long + `" has the wrong form`, "use letters"}, `App: "` + shown + `" has the wrong form; use letters`},
		{"a long key", Problem{long, "is an unknown key", "remove it"}, shown + ": is an unknown key; remove it"},
		{"a long value in the fix", Problem{"Paths", "has the wrong type", `write ["` + long + `"]`}, `Paths: has the wrong type; write ["` + shown + `"]`},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.problem.String()) })
	}
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
