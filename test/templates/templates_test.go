// Package templates synthesizes examples with the app itself and has other
// people's tools check the templates.
package templates

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/examples"
)

// config is a configuration in the context of cdk.json.
const config = `{"cache":{"account":"111111111111","region":"eu-central-1"},"build":{"account":"222222222222","region":"eu-west-1"},
	"builds":[{"name":"api","source":{"directory":"service"},"helperZip":"helper.zip"}]}`

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
	require.NoError(t, examples.WriteProject(project))
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
	all, err := examples.All()
	require.NoError(t, err)
	for _, example := range all {
		t.Run(example.Name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(example.Config)
			require.NoError(t, err)
			for region, files := range templatesByRegion(t, synth(t, app, string(text), "")) {
				output, err := exec.Command(lint, append([]string{"--regions", region, "--"}, files...)...).CombinedOutput()
				assert.NoError(t, err, "%s", output)
				assert.Empty(t, string(output))
			}
		})
	}
}

// templatesByRegion are the templates of a cloud assembly by the region that
// they are for; those for any region are checked for us-east-1.
func templatesByRegion(t *testing.T, assembly string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(assembly, "manifest.json"))
	require.NoError(t, err)
	var manifest struct {
		Artifacts map[string]struct {
			Type, Environment string
			Properties        struct{ TemplateFile string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &manifest))
	found := map[string][]string{}
	for _, artifact := range manifest.Artifacts {
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		region := path.Base(artifact.Environment)
		if region == "unknown-region" {
			region = "us-east-1"
		}
		found[region] = append(found[region], filepath.Join(assembly, artifact.Properties.TemplateFile))
	}
	require.NotEmpty(t, found)
	return found
}

func TestTemplatesPassTheCDKsOwnCheck(t *testing.T) {
	assembly := synth(t, buildApp(t), config, "true")
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
	assert.Equal(t, `layercache.more: is an unknown key; remove it or use one of name, cache, build, environments, pullThrough, builds
layercache.name: "A" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first
layercache.builds[0].source: needs exactly one of directory, github, gitlab and bitbucket; give the directory that holds the Dockerfile, or the repository
layercache: nothing was synthesized; problems in the context of cdk.json: 3
`, output)
	assert.NoFileExists(t, filepath.Join(assembly, "manifest.json"))
}
