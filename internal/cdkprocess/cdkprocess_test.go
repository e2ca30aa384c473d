package cdkprocess

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/aws/jsii-runtime-go/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSkipTemplateCheckReachesTheProcessUnlessTheVariableIsSet(t *testing.T) {
	for name, c := range map[string]struct{ before, want string }{
		"the variable is not set": {"", "false"},
		"the check is wanted":     {"true", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			jsii.Close()
			defer jsii.Close()
			seen := filepath.Join(t.TempDir(), "seen")
			t.Setenv("SEEN", seen)
			t.Setenv("SHELL", "/bin/sh")
			t.Setenv("JSII_RUNTIME", `printf %s "$CDK_VALIDATION" >"$SEEN"`) // instead of jsii's Node.js program
			t.Setenv(templateCheck, c.before)
			runtime.IsAnonymousProxy(nil) // makes jsii copy the environment, as the CDK's packages do

			require.NoError(t, SkipTemplateCheck())
			assert.Panics(t, func() { awscdk.NewApp(nil) }, "the command does not answer")
			value, err := os.ReadFile(seen)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(value))
		})
	}
}
