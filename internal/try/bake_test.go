package try

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/bake"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

func TestTheFileToChangeIsThatOfTheFirstTargetWithOne(t *testing.T) {
	dir := folder(t, "api/Dockerfile", "api/ignored.go", "web/Dockerfile", "web/src/a.ts", "web/package.json")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "api", ".dockerignore"), []byte("*.go\n"), 0o600))
	try := &trial{options: Options{Bake: "compose.yaml"}, context: dir, targets: []bake.Target{
		{Name: "api", Context: "api", Dockerfile: "Dockerfile"},
		{Name: "remote", Context: "https://example.com/repository.git", Dockerfile: "Dockerfile"},
		{Name: "web", Context: filepath.Join(dir, "web"), Dockerfile: "Dockerfile"},
	}}
	copies := []report.Step{{Instruction: "COPY package.json ./"}, {Instruction: "COPY . ."}}
	cold := row{Cold, &report.Report{Targets: []*report.Report{{Steps: copies}, {Steps: copies}, {Steps: copies}}}}

	for i, want := range []string{"web/src/a.ts", "web/package.json"} {
		changed, err := try.change(try.plannedChanges()[i], cold)
		require.NoError(t, err)
		assert.True(t, changed)
		assert.Contains(t, try.changes[i], ": "+want+", one newline added")
		content, err := os.ReadFile(filepath.Join(dir, want))
		require.NoError(t, err)
		assert.True(t, bytes.HasSuffix(content, []byte("\n")), want)
	}
}

func TestReportsOfAnEarlierTryAreNotCopied(t *testing.T) {
	dir := folder(t, "api/Dockerfile", "reports/notes.txt", "reports/cold/notes.txt")
	s := variables.Settings{ReportDir: filepath.Join(dir, "reports")}
	require.NoError(t, (&report.Report{Verdict: "cold"}).Write(reportDir(s, Cold)))
	copied, err := copyAll(dir, earlierReports(s))
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(copied) })
	assert.Equal(t, []string{"api/Dockerfile", "reports/cold/notes.txt", "reports/notes.txt"}, filesIn(t, copied))
}

// The user's own files must not change.
func TestADockerfileOutsideOfTheCopyIsNotRead(t *testing.T) {
	elsewhere := folder(t, "Dockerfile")
	dir := folder(t, "compose.yaml")
	require.NoError(t, os.Symlink(filepath.Join(elsewhere, "Dockerfile"), filepath.Join(dir, "link")))
	for _, file := range []string{"../" + filepath.Base(elsewhere) + "/Dockerfile", filepath.Join(elsewhere, "Dockerfile"), "link"} {
		try := &trial{options: Options{Bake: "compose.yaml", Stderr: &bytes.Buffer{}}, context: dir, targets: []bake.Target{{Name: "api", Context: ".", Dockerfile: file}}}
		assert.ErrorContains(t, try.useImagesOfTargets(t.Context()), "target api: --offline: read the Dockerfile", file)
	}
}

func TestImagesOfTargetsHaveNamesThatARegistryAccepts(t *testing.T) {
	try := &trial{host: "localhost:5000", options: Options{Bake: "ci/compose.yaml", BuildArgs: []string{"api"}}, targets: []bake.Target{{Name: "_Web"}, {Name: "api"}}}
	assert.Equal(t, []string{
		"--file", "ci/compose.yaml", "--set=*.cache-from=", "--set=*.cache-to=",
		"--set=_Web.output=type=image,push=true", "--set=_Web.tags=localhost:5000/layercache/image/t5f576562:try",
		"--set=api.output=type=image,push=true", "--set=api.tags=localhost:5000/layercache/image/t617069:try", "api",
	}, try.bakeArgs())
}

func TestATableOfTargets(t *testing.T) {
	build := func(name string, seconds float64, verdicts ...string) row {
		r := &report.Report{Verdict: verdicts[0], Seconds: report.Seconds{Total: seconds}}
		for i, target := range []string{"api", "web"} {
			r.Targets = append(r.Targets, &report.Report{Target: target, Verdict: verdicts[i+1], Seconds: report.Seconds{Total: seconds / 2}})
		}
		return row{name, r}
	}
	rows := []row{
		build(Cold, 12, "cold", "cold", "cold"), build(Unchanged, 2, "used", "used", "used"),
		build(ChangedSource, 4, "partly-used", "partly-used", "used"), build(NoCache, 10, "off", "off", "off"),
	}
	var out bytes.Buffer
	require.NoError(t, presentBake(Options{Stdout: &out, Settings: variables.Settings{ReportDir: "reports"}}, rows, []string{"changed source: api/main.go"}))
	assert.Equal(t, `
target   cold              unchanged         changed source           no cache
api      6.0 s, 0/0 cold   1.0 s, 0/0 used   2.0 s, 0/0 partly-used   5.0 s, 0/0 off
web      6.0 s, 0/0 cold   1.0 s, 0/0 used   2.0 s, 0/0 used          5.0 s, 0/0 off
all      12.0 s, cold      2.0 s, used       4.0 s, partly-used       10.0 s, off

changed source: api/main.go
Measured once, with the registry on loopback, an unchanged build takes 2.0 s with the cache instead of 10.0 s without (80 % less), one with a changed source 4.0 s (60 % less); the first build takes 2.0 s more: the cache is worth keeping.
reports: reports/*/report.html
`, out.String())
}
