// Package templates synthesizes examples with the app itself and has other
// people's tools check the templates.
package templates

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const builds = `"builds":[{"name":"api","source":{"directory":"api"},"helperZip":"helper.zip"},
	{"name":"web","source":{"directory":"api"},"helperZip":"helper.zip","architecture":"arm64","cacheWrite":false}]`

// examples are values of the context key, with the region to check them for.
var examples = map[string]struct{ config, region string }{
	"one account": {
		`{` + builds + `}`, "us-east-1",
	},
	"two accounts": {
		`{"cache":{"account":"111111111111","region":"eu-central-1"},"build":{"account":"222222222222","region":"eu-west-1"},` + builds + `}`, "eu-west-1",
	},
	"GovCloud, which has no pull-through cache": {
		`{"pullThrough":{"enabled":false},"cache":{"account":"111111111111","region":"us-gov-west-1"},"build":{"account":"111111111111","region":"us-gov-west-1"},` + builds + `}`, "us-gov-west-1",
	},
}

// synth runs the app as the CDK CLI does, and returns the cloud assembly. check
// is "true" for the CDK's own check of the templates, "" for the default.
func synth(t *testing.T, app, config, check string) string {
	t.Helper()
	assembly, output, err := run(t, app, config, check)
	require.NoError(t, err, "%s", output)
	return assembly
}

func run(t *testing.T, app, config, check string) (assembly, output string, err error) {
	t.Helper()
	project := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(project, "api"), 0o700))
	for _, name := range []string{"api/Dockerfile", "helper.zip"} {
		require.NoError(t, os.WriteFile(filepath.Join(project, name), []byte("FROM scratch\n"), 0o600))
	}
	assembly = filepath.Join(project, "cdk.out")
	context := fmt.Sprintf(`{"layercache":%s,"aws:cdk:disable-stack-trace":true,"aws:cdk:version-reporting":false}`, config)
	command := exec.Command(app)
	command.Dir = project
	command.Env = append(os.Environ(), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20,21,23", "CDK_OUTDIR="+assembly, "CDK_CONTEXT_JSON="+context, "CDK_VALIDATION="+check)
	text, err := command.CombinedOutput()
	return assembly, string(text), err
}

// buildApp compiles bin/app.
func buildApp(t *testing.T) string {
	t.Helper()
	app := filepath.Join(t.TempDir(), "app")
	output, err := exec.Command("go", "build", "-buildvcs=false", "-o", app, "../../bin/app").CombinedOutput()
	require.NoError(t, err, "%s", output)
	return app
}

func TestTemplatesPassCfnLintWithNoErrorAndNoWarning(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	require.NoError(t, err, "cfn-lint is not on PATH: run the tests with `make test`, which installs it, or `pip install cfn-lint`")
	app := buildApp(t)
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assembly := synth(t, app, example.config, "")
			files, err := filepath.Glob(filepath.Join(assembly, "*.template.json"))
			require.NoError(t, err)
			require.Len(t, files, 2)
			output, err := exec.Command(lint, append([]string{"--regions", example.region, "--"}, files...)...).CombinedOutput()
			assert.NoError(t, err, "%s", output)
			assert.Empty(t, string(output))
		})
	}
}

func TestTemplatesPassTheCDKsOwnCheck(t *testing.T) {
	assembly := synth(t, buildApp(t), examples["two accounts"].config, "true")
	text, err := os.ReadFile(filepath.Join(assembly, "validation-report.json"))
	require.NoError(t, err)
	var report struct {
		PluginReports []struct {
			PluginName           string
			Violations           []any
			SuppressedViolations []struct{ RuleName, Reason string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &report))
	require.Len(t, report.PluginReports, 1)
	assert.Equal(t, "CloudFormation Validate", report.PluginReports[0].PluginName)
	assert.Empty(t, report.PluginReports[0].Violations)
	for _, suppressed := range report.PluginReports[0].SuppressedViolations {
		assert.Equal(t, "E3050", suppressed.RuleName)
		assert.NotEmpty(t, suppressed.Reason)
	}
}

func TestABadConfigurationEndsInLinesAndNoTemplate(t *testing.T) {
	assembly, output, err := run(t, buildApp(t), `{"name":"A","builds":[{"name":"api"}],"more":1}`, "")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Equal(t, `layercache.more: is an unknown key; remove it or use one of name, cache, build, pullThrough, builds
layercache.name: "A" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first
layercache.builds[0].source.directory: is missing; give the directory that holds the Dockerfile
layercache: nothing was synthesized; problems in the context of cdk.json: 3
`, output)
	assert.NoFileExists(t, filepath.Join(assembly, "manifest.json"))
}
