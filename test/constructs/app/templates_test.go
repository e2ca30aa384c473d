// Package templates synthesizes examples with bin/app and checks the templates with third-party tools.
package app

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
	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/test/constructs/examples"
	"github.com/layercache/layercache/test/kit/checkout"
)

// config is a configuration as in the context of cdk.json.
const config = `{"cache":{"account":"111111111111","region":"eu-central-1"},"build":{"account":"222222222222","region":"eu-west-1"},
	"builds":[{"name":"api","source":{"directory":"service"},"helperZip":"helper.zip"}]}`

// run runs the app in an empty folder as the CDK CLI does and returns the cloud assembly. check "true" turns
// on the CDK's own validation of templates; "" is the default.
func run(project, config, check string) (assembly, output string, err error) {
	if err := examples.WriteProject(project); err != nil {
		return "", "", err
	}
	assembly = filepath.Join(project, "cdk.out")
	context := fmt.Sprintf(`{"layercache":%s,"aws:cdk:disable-stack-trace":true,"aws:cdk:version-reporting":false}`, config)
	command := exec.Command(app)
	command.Dir = project
	command.Env = append(os.Environ(), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20,21,23", "CDK_OUTDIR="+assembly, "CDK_CONTEXT_JSON="+context, "CDK_VALIDATION="+check)
	text, err := command.CombinedOutput()
	return assembly, string(text), err
}

// app is the path of the compiled bin/app.
var app string

func TestMain(m *testing.M) { os.Exit(compileAndRun(m)) }

func compileAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "layercache-templates-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "templates:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	app = filepath.Join(dir, "app")
	command := exec.Command("go", "build", "-buildvcs=false", "-o", app, "./bin/app")
	command.Dir = checkout.Dir()
	output, err := command.CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "templates: compile the app: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// cfn-lint takes seconds to start, so it runs once per region.
func TestTemplatesPassCfnLintWithoutErrorsAndWarnings(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("cfn-lint")
	require.NoError(t, err, "cfn-lint is not on PATH: run the tests with `make test`, which installs it, or `pip install cfn-lint`")
	all, err := examples.All()
	require.NoError(t, err)
	assemblies := make([]string, len(all))
	var synthesis errgroup.Group
	synthesis.SetLimit(2)
	for i, example := range all {
		project := t.TempDir()
		text, err := json.Marshal(example.Config)
		require.NoError(t, err)
		synthesis.Go(func() error {
			assembly, output, err := run(project, string(text), "")
			assemblies[i] = assembly
			if err != nil {
				return fmt.Errorf("synthesize the example %s: %w\n%s", example.Name, err, output)
			}
			return nil
		})
	}
	require.NoError(t, synthesis.Wait())
	byRegion := map[string][]string{}
	for _, assembly := range assemblies {
		for region, files := range templatesByRegion(t, assembly) {
			byRegion[region] = append(byRegion[region], files...)
		}
	}
	for region, files := range byRegion {
		t.Run(region, func(t *testing.T) {
			t.Parallel()
			output, err := exec.Command(lint, append([]string{"--regions", region, "--"}, files...)...).CombinedOutput()
			assert.NoError(t, err, "%s", output)
			assert.Empty(t, string(output))
		})
	}
}

// templatesByRegion returns the templates of a cloud assembly by region. Templates for any region are checked
// for us-east-1.
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

func TestTemplatesPassTheCDKsOwnValidation(t *testing.T) {
	t.Parallel()
	assembly, output, err := run(t.TempDir(), config, "true")
	require.NoError(t, err, "%s", output)
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

func TestTheCDKsOwnValidationIsOffByDefault(t *testing.T) {
	t.Parallel()
	assembly, output, err := run(t.TempDir(), config, "")
	require.NoError(t, err, "%s", output)
	assert.NoFileExists(t, filepath.Join(assembly, "validation-report.json"))
}

func TestABadConfigurationPrintsAllProblemsAndWritesNoTemplate(t *testing.T) {
	t.Parallel()
	assembly, output, err := run(t.TempDir(), `{"name":"A","builds":[{"name":"api"}],"nme":1}`, "")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Equal(t, `layercache.nme: is an unknown key; did you mean name?
layercache.name: "A" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first
layercache.builds[0].source: needs exactly one of directory, github, githubEnterprise, gitlab, gitlabSelfManaged, bitbucket, codecommit, s3; give the directory that holds the Dockerfile, or the repository
layercache: nothing was synthesized; number of problems in the context of cdk.json: 3
`, output)
	assert.NoFileExists(t, filepath.Join(assembly, "manifest.json"))
}
