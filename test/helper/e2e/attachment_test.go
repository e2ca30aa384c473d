package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/kit/template"
	"github.com/layercache/layercache/test/localaws/agent"
)

// awsCLI stands in for the AWS CLI, of which buildspecs of attached projects use one command. It takes the
// object from the assets in the folder %s.
const awsCLI = `#!/bin/sh
set -eu
[ "$#" = 5 ] && [ "$1 $2 $3" = "s3 cp --only-show-errors" ] || { echo "aws: unexpected arguments: $*" >&2; exit 2; }
case "$4" in s3://*/*.zip) ;; *) echo "aws: not a zip in S3: $4" >&2; exit 2 ;; esac
cp %s/asset."${4##*/}" "$5"
`

// TestAnExistingProject runs the project of examples/existing-project by the rules of CodeBuild.
func TestAnExistingProject(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	project, assets := existingProject(t)
	project = project.WithRegistry(w.registry.Addr())
	require.True(t, strings.HasPrefix(project.Value("LAYERCACHE_REPOSITORY"), w.registry.Addr()+"/"), project.Value("LAYERCACHE_REPOSITORY"))
	project.Source.Path = w.app
	project.Environment = append(project.Environment,
		template.Variable{Name: "LAYERCACHE_MIRRORS", Value: w.env["LAYERCACHE_MIRRORS"]},
		template.Variable{Name: "LAYERCACHE_CACHE_TIMEOUT", Value: w.env["LAYERCACHE_CACHE_TIMEOUT"]},
		template.Variable{Name: "LAYERCACHE_BRANCH", Value: "main"},
		template.Variable{Name: "LAYERCACHE_REPORT_DIR", Value: "layercache-report"},
	)
	w.tools = map[string]string{"aws": fmt.Sprintf(awsCLI, assets)}

	cold := w.codebuild(project, nil)
	require.Equal(t, agent.Succeeded, cold.status)
	assert.Equal(t, "cold", cold.report.Verdict)
	assert.Equal(t, "native", cold.report.Builder, "buildkitd of the zip must be found")
	assert.Equal(t, "hello\n", fileOf(t, w.pulled(project.Value("IMAGE")+":latest"), "program"))
	assert.Equal(t, "used", w.codebuild(project, nil).report.Verdict)
}

// existingProject synthesizes the example, and returns its project and the folder with the assets.
func existingProject(t *testing.T) (project template.Project, assets string) {
	t.Helper()
	dir, err := bundle.SourceDir(t.Context())
	require.NoError(t, err)
	assets = t.TempDir()
	app := exec.CommandContext(t.Context(), "go", "run", "./examples/existing-project")
	app.Dir = dir
	app.Env = append(os.Environ(), "CDK_OUTDIR="+assets)
	printed, err := app.CombinedOutput()
	require.NoError(t, err, string(printed))
	loaded, err := template.Load(assets)
	require.NoError(t, err)
	projects, err := loaded.Projects()
	require.NoError(t, err)
	require.Len(t, projects, 1)
	return projects[0], assets
}
