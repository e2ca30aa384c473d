//go:build !unit

// Package languages synthesizes the programs in docs/how-to/typescript-and-python.md with the CDK of npm and of
// PyPI, which do not know the constructs.
package languages

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/test/kit/checkout"
)

func TestTheProgramsOfThePage(t *testing.T) {
	page, err := os.ReadFile(checkout.Path("docs/how-to/typescript-and-python.md"))
	require.NoError(t, err)
	checks := []func(*testing.T, string){checkProject, checkPipeline}
	for language, c := range map[string]struct {
		program, file string
		// replace makes JavaScript of TypeScript.
		replace *strings.Replacer
	}{
		"typescript": {"node", "app.mjs", strings.NewReplacer("role!.", "role.", " as iam.Role | undefined", "")},
		"python":     {checkout.Path(".venv-cdk/bin/python"), "app.py", strings.NewReplacer()},
	} {
		programs := programsIn(string(page), language)
		require.Len(t, programs, len(checks), "programs in %s", language)
		for i, check := range checks {
			t.Run(fmt.Sprint(language, " ", i+1), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				require.NoError(t, os.WriteFile(filepath.Join(dir, c.file), []byte(c.replace.Replace(programs[i])), 0o600))
				require.NoError(t, os.Symlink(checkout.Path("test/constructs/languages/node_modules"), filepath.Join(dir, "node_modules")))
				require.NoError(t, os.Mkdir(filepath.Join(dir, "service"), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "service", "Dockerfile"), []byte("FROM scratch\n"), 0o600))
				command := exec.CommandContext(t.Context(), c.program, c.file)
				command.Dir, command.Env = dir, append(os.Environ(), "CDK_OUTDIR="+filepath.Join(dir, "out"))
				output, err := command.CombinedOutput()
				require.NoError(t, err, "%s: install the CDK with test/prepare.sh", output)
				check(t, filepath.Join(dir, "out"))
			})
		}
	}
}

// template is what the tests read of a template.
type template struct {
	Resources map[string]struct {
		Type       string
		Properties struct {
			ManagedPolicyArns []any
			Source            struct{ BuildSpec any }
			Environment       struct {
				PrivilegedMode       bool
				EnvironmentVariables []any
			}
		}
	}
}

func readTemplate(t *testing.T, path string) template {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var read template
	require.NoError(t, json.Unmarshal(text, &read))
	return read
}

func imported(name string) map[string]any {
	return map[string]any{"Fn::ImportValue": "layercache:prod:" + name}
}

// helperVariables are the variables of a project that uses the cache.
var helperVariables = []any{
	map[string]any{"Name": "LAYERCACHE_REPOSITORY", "Type": "PLAINTEXT", "Value": imported("repository")},
	map[string]any{"Name": "LAYERCACHE_HELPER", "Type": "PARAMETER_STORE", "Value": "/layercache/helper/amd64"},
}

// checkProject checks that the project has what constructs/attach exports.
func checkProject(t *testing.T, out string) {
	t.Helper()
	found := map[string]int{}
	for _, resource := range readTemplate(t, filepath.Join(out, "Shop.template.json")).Resources {
		found[resource.Type]++
		switch resource.Type {
		case "AWS::IAM::Role":
			assert.Equal(t, []any{imported("write-policy")}, resource.Properties.ManagedPolicyArns)
		case "AWS::CodeBuild::Project":
			assert.True(t, resource.Properties.Environment.PrivilegedMode)
			assert.Equal(t, helperVariables, resource.Properties.Environment.EnvironmentVariables)
		}
	}
	assert.Equal(t, 1, found["AWS::IAM::Role"])
	assert.Equal(t, 1, found["AWS::CodeBuild::Project"])
}

// checkPipeline checks that the project which publishes the image has the same, and calls the helper in place of docker.
func checkPipeline(t *testing.T, out string) {
	t.Helper()
	roles, publishing := 0, 0
	for id, resource := range readTemplate(t, filepath.Join(out, "Pipeline.template.json")).Resources {
		switch {
		case resource.Type == "AWS::IAM::Role" && resource.Properties.ManagedPolicyArns != nil:
			roles++
			assert.Contains(t, id, "AssetsDockerRole")
			assert.Equal(t, []any{imported("write-policy")}, resource.Properties.ManagedPolicyArns)
		case resource.Type == "AWS::CodeBuild::Project" && strings.Contains(id, "DockerAsset"):
			publishing++
			assert.True(t, resource.Properties.Environment.PrivilegedMode)
			assert.ElementsMatch(t, append([]any{map[string]any{"Name": "CDK_DOCKER", "Type": "PLAINTEXT", "Value": buildspecs.DockerProgram}}, helperVariables...),
				resource.Properties.Environment.EnvironmentVariables)
			var buildspec struct {
				Phases map[string]struct{ Commands []string }
			}
			require.NoError(t, json.Unmarshal([]byte(resource.Properties.Source.BuildSpec.(string)), &buildspec))
			assert.Contains(t, buildspec.Phases["install"].Commands, buildspecs.FetchDocker)
			assert.Contains(t, buildspec.Phases["build"].Commands[0], "cdk-assets")
		}
	}
	assert.Equal(t, 1, roles)
	assert.Equal(t, 1, publishing)
}

// programsIn returns the blocks of code in a language.
func programsIn(page, language string) []string {
	var programs []string
	for _, block := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```\n").FindAllStringSubmatch(page, -1) {
		programs = append(programs, regexp.MustCompile("(?m)^"+block[1]).ReplaceAllString(block[2], ""))
	}
	return programs
}

func TestThePageHasTheLineForTheBuildspec(t *testing.T) {
	page, err := os.ReadFile(checkout.Path("docs/how-to/move-from-a-buildspec.md"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "   - "+buildspecs.FetchHelper+"\n")
}
