package examples

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/kit/checkout"
)

// configurationApp is the "app" command of a folder that has only a configuration.
const configurationApp = "go run github.com/layercache/layercache/bin/app"

// The folders in examples/ without a snapshot, with the number of CodeBuild projects that each creates.
var (
	configured = map[string]int{"docker-hub": 1, "pull-requests": 2, "two-architectures": 1}
	programs   = map[string]int{"build-on-deploy": 1, "cdk-pipeline": 3, "compose": 1, "existing-project": 1, "lambda-and-ecs": 1, "monorepo": 4}
)

func TestEveryFolderOfExamplesIsTested(t *testing.T) {
	entries, err := fs.ReadDir(checkout.FS(), "examples")
	require.NoError(t, err)
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		}
	}
	assert.ElementsMatch(t, folders, slices.Concat(simulated, slices.Collect(maps.Keys(configured)), slices.Collect(maps.Keys(programs))))
}

func TestFoldersWithAConfigurationSynthesizeInPlace(t *testing.T) {
	for folder, projects := range configured {
		t.Run(folder, func(t *testing.T) {
			t.Chdir(checkout.Path("examples/" + folder))
			assert.Equal(t, configurationApp, appOf(t))
			read, problems := stacks.ReadConfig(withHelper(t, folder))
			require.Empty(t, problems)
			assembly := t.TempDir()
			app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: new(bool), Outdir: jsii.String(assembly)})
			read.AddTo(app)
			app.Synth(nil)
			assert.Equal(t, projects, projectsIn(t, assembly))
		})
	}
}

func TestFoldersWithAProgramSynthesizeInPlace(t *testing.T) {
	binaries := t.TempDir()
	build := exec.Command("go", "build", "-o", binaries, "./examples/...")
	build.Dir = checkout.Dir()
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	for folder, projects := range programs {
		t.Run(folder, func(t *testing.T) {
			t.Chdir(checkout.Path("examples/" + folder))
			assert.Equal(t, "go run .", appOf(t))
			assembly := t.TempDir()
			program := exec.Command(filepath.Join(binaries, folder))
			program.Env = append(os.Environ(), "CDK_OUTDIR="+assembly)
			output, err := program.CombinedOutput()
			require.NoError(t, err, "%s", output)
			assert.Equal(t, projects, projectsIn(t, assembly))
		})
	}
}

// withHelper returns the configuration of a folder two levels below the root, with a helper that is not
// compiled.
func withHelper(t *testing.T, folder string) map[string]any {
	t.Helper()
	config, err := configOf(folder, "../../constructs/imagebuild/testdata/helper-{arch}.zip")
	require.NoError(t, err)
	return config
}

// appOf returns the "app" command in the cdk.json of the working directory.
func appOf(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("cdk.json")
	require.NoError(t, err)
	var file struct{ App string }
	require.NoError(t, json.Unmarshal(text, &file))
	return file.App
}

// projectsIn returns the number of CodeBuild projects in an assembly. An error reported by a construct fails
// the test.
func projectsIn(t *testing.T, assembly string) int {
	t.Helper()
	metadata, err := filepath.Glob(filepath.Join(assembly, "*.metadata.json"))
	require.NoError(t, err)
	for _, file := range append(metadata, filepath.Join(assembly, "manifest.json")) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "aws:cdk:error", filepath.Base(file))
	}
	files, err := filepath.Glob(filepath.Join(assembly, "*.template.json"))
	require.NoError(t, err)
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var template struct {
			Resources map[string]struct{ Type string }
		}
		require.NoError(t, json.Unmarshal(text, &template))
		for _, resource := range template.Resources {
			if resource.Type == "AWS::CodeBuild::Project" {
				count++
			}
		}
	}
	return count
}
