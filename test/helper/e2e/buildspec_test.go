package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/programs"
	"github.com/layercache/layercache/test/kit/template"
	"github.com/layercache/layercache/test/localaws/agent"
)

// TestSynthesizedProject runs the project that the CDK app synthesizes (buildspec, variables, sources, helper
// bundle) by the rules of CodeBuild.
func TestSynthesizedProject(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	project := synthesize(t, w.app, nil).WithRegistry(w.registry.Addr())

	cold := w.codebuild(project, nil)
	assert.Equal(t, "cold", cold.report.Verdict)
	assert.Equal(t, map[string]string{
		"LAYERCACHE_VERDICT": "cold", "LAYERCACHE_HIT_RATIO": "0.00", "LAYERCACHE_EXPORTED": "yes",
		"LAYERCACHE_SAVED_SECONDS": "unknown", "LAYERCACHE_WORTH": "unknown",
		"LAYERCACHE_SECONDS": cold.exported["LAYERCACHE_SECONDS"], "LAYERCACHE_IMAGE_DIGEST": cold.report.Image,
	}, cold.exported)
	assert.Equal(t, "hello\n", fileOf(t, w.pulled(project.Value("LAYERCACHE_IMAGE")+":latest"), "program"))

	assert.Equal(t, "used", w.codebuild(project, nil).report.Verdict)

	require.NoError(t, os.WriteFile(filepath.Join(project.Source.Path, "src", "main.txt"), []byte("changed\n"), 0o644))
	changed := w.codebuild(project, map[string]string{"LAYERCACHE_TAGS": "v2"})
	assert.Equal(t, "partly-used", changed.report.Verdict)
	assert.Equal(t, "changed\n", fileOf(t, w.pulled(project.Value("LAYERCACHE_IMAGE")+":v2"), "program"), "an override of Start build must take effect")
}

func TestASynthesizedProjectWithAFailingStep(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM "+base+"\nRUN exit 3\n")
	project := synthesize(t, w.app, nil).WithRegistry(w.registry.Addr())
	failed := w.codebuild(project, nil)
	assert.Equal(t, agent.Failed, failed.status)
	assert.Equal(t, 1, failed.report.ExitCode)
	assert.Equal(t, "cold", failed.exported["LAYERCACHE_VERDICT"], "the verdict must be exported although the phase failed")
}

// TestSynthesizedBatch runs the build graph of a project for two platforms: each platform's image, then the
// index.
func TestSynthesizedBatch(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM scratch\nCOPY src /src\n")
	// The same zip is used for both architectures, because this test runs every build on this machine.
	zip, err := bundle.Build(t.Context(), toolchain.Host().Arch, os.Stderr)
	require.NoError(t, err)
	content, err := os.ReadFile(zip)
	require.NoError(t, err)
	zips := t.TempDir()
	for _, arch := range []string{"amd64", "arm64"} {
		require.NoError(t, os.WriteFile(filepath.Join(zips, arch+".zip"), content, 0o644))
	}
	project := synthesize(t, w.app, map[string]any{
		"platforms": []string{"linux/amd64", "linux/arm64"}, "helperZip": filepath.Join(zips, "{arch}.zip"),
	}).WithRegistry(w.registry.Addr())
	const group = "arn:aws:codebuild:eu-west-1:111122223333:report-group/Reports-1"
	project.BuildSpec += buildspecs.Reports(group)
	graph, err := agent.Graph(project.BuildSpec)
	require.NoError(t, err)
	var identifiers []string
	for _, member := range graph {
		identifiers = append(identifiers, member.Identifier)
	}
	require.Equal(t, []string{"linux_amd64", "linux_arm64", "index"}, identifiers)
	exported := map[string]string{}
	for _, identifier := range identifiers {
		result, log := w.agent(project, nil, identifier)
		exported[identifier] = result.Exported["LAYERCACHE_IMAGE_DIGEST"]
		require.Equal(t, agent.Succeeded, result.Status, log)
		require.Len(t, result.Reports[group], 1, "CodeBuild fails a build without its report")
		junit, err := os.ReadFile(result.Reports[group][0])
		require.NoError(t, err)
		assert.NotContains(t, string(junit), "skipped", "%s wrote no report: %s", identifier, log)
	}
	assert.ElementsMatch(t, []string{"latest", "latest-linux-amd64", "latest-linux-arm64"}, w.tags("layercache/shop"))
	assert.Equal(t, "hello\n", fileOf(t, w.pulled(project.Value("LAYERCACHE_IMAGE")+":latest"), "src/main.txt"))
	ref, err := name.ParseReference(project.Value("LAYERCACHE_IMAGE") + ":latest")
	require.NoError(t, err)
	latest, err := remote.Head(ref)
	require.NoError(t, err)
	assert.Equal(t, latest.Digest.String(), exported["index"], "a roll-out takes the image that the tag names")
	assert.NotContains(t, []string{exported["linux_amd64"], exported["linux_arm64"]}, exported["index"], "a batch rolls out once")
}

// synthesize runs the CDK app as the CDK CLI does. The app has one build, with the folder source as its
// source and further keys.
func synthesize(t *testing.T, source string, keys map[string]any) template.Project {
	t.Helper()
	dir, err := bundle.SourceDir(t.Context())
	require.NoError(t, err)
	build := map[string]any{"name": "shop", "source": map[string]any{"directory": source}}
	maps.Copy(build, keys)
	settings, err := json.Marshal(map[string]any{"layercache": map[string]any{"builds": []any{build}}})
	require.NoError(t, err)
	out := t.TempDir()
	app := exec.CommandContext(t.Context(), "go", "run", "./bin/app")
	app.Dir = dir
	app.Env = append(os.Environ(), "CDK_OUTDIR="+out, "CDK_CONTEXT_JSON="+string(settings))
	printed, err := app.CombinedOutput()
	require.NoError(t, err, string(printed))
	loaded, err := template.Load(out)
	require.NoError(t, err)
	projects, err := loaded.Projects()
	require.NoError(t, err)
	require.Len(t, projects, 1)
	return projects[0]
}

type codebuildResult struct {
	status   agent.Status
	exported map[string]string
	report   *report.Report
}

func (w *machine) codebuild(project template.Project, overrides map[string]string) codebuildResult {
	w.t.Helper()
	result, log := w.agent(project, overrides, "")
	got, err := report.Read(filepath.Join(result.SourceDir, project.Value("LAYERCACHE_REPORT_DIR"), report.File))
	require.NoError(w.t, err, log)
	return codebuildResult{status: result.Status, exported: result.Exported, report: got}
}

// agent runs one build of the project and returns its result and log.
func (w *machine) agent(project template.Project, overrides map[string]string, identifier string) (*agent.Result, string) {
	w.t.Helper()
	variables, secondary := map[string]string{}, map[string]string{}
	for _, variable := range project.Environment {
		variables[variable.Name] = variable.Value
	}
	for _, source := range project.SecondarySources {
		secondary[source.Identifier] = source.Path
	}
	// A build image contains buildx but not the helper.
	tools := w.t.TempDir()
	require.NoError(w.t, os.Symlink(programs.Path(programs.Buildx), filepath.Join(tools, "buildx")))
	for name, script := range w.tools {
		require.NoError(w.t, os.WriteFile(filepath.Join(tools, name), []byte(script), 0o755))
	}
	var log bytes.Buffer
	result, err := agent.Build{
		Project: project.Name, Account: project.Account, Region: project.Region, Partition: project.Partition,
		BuildSpec: project.BuildSpec, BatchIdentifier: identifier, Variables: variables, Overrides: overrides,
		Source: project.Source.Path, SecondarySources: secondary, Dir: w.t.TempDir(),
		Env:    []string{"HOME=" + w.tmp, "TMPDIR=" + w.tmp, "PATH=" + tools + ":" + os.Getenv("PATH")},
		Output: &log, Command: w.inside,
	}.Run(w.t.Context())
	require.NoError(w.t, err, log.String())
	w.nothingLeft()
	return result, log.String()
}
