package try

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

func TestOptionsAreChecked(t *testing.T) {
	dir := folder(t, "Dockerfile", "other/Dockerfile.web", "a.go")
	bare := folder(t, "a.go")
	cases := []struct {
		name    string
		options Options
		problem string
	}{
		{"a folder with a Dockerfile", Options{Dir: dir}, ""},
		{"a Dockerfile set with --file", Options{Dir: bare, Dockerfile: filepath.Join(dir, "other", "Dockerfile.web")}, ""},
		{"a file to change", Options{Dir: dir, Touch: "other/Dockerfile.web"}, ""},
		{"no such folder", Options{Dir: filepath.Join(dir, "absent")}, "absent is not a folder"},
		{"a file instead of a folder", Options{Dir: filepath.Join(dir, "a.go")}, "a.go is not a folder"},
		{"a folder without a Dockerfile", Options{Dir: bare}, "set the path of the Dockerfile with --file"},
		{"a Dockerfile that does not exist", Options{Dir: dir, Dockerfile: "absent"}, "absent does not exist"},
		{"a file to change that does not exist", Options{Dir: dir, Touch: "b.go"}, "--touch b.go: no such file in " + dir},
		{"a folder to change", Options{Dir: dir, Touch: "other"}, "--touch other: no such file"},
		{"a file to change outside the folder", Options{Dir: dir, Touch: "../a.go"}, "expected a path inside " + dir},
		{"a bake file in a folder without a Dockerfile", Options{Dir: bare, Bake: "a.go"}, ""},
		{"a bake file that does not exist", Options{Dir: dir, Bake: "compose.yaml"}, "--bake compose.yaml: no such file in " + dir},
		{"a bake file outside the folder", Options{Dir: dir, Bake: "../compose.yaml"}, "--bake ../compose.yaml: expected a path inside " + dir},
		{"a Dockerfile and a bake file", Options{Dir: dir, Bake: "a.go", Dockerfile: "Dockerfile"}, "leave out one of the two"},
		{"a file to change that does not exist, with a bake file", Options{Dir: dir, Bake: "a.go", Touch: "b.go"}, "--touch b.go: no such file in " + dir},
		{"a file to change by its full path", Options{Dir: dir, Touch: filepath.Join(dir, "a.go")}, "expected a path inside " + dir},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := check(&c.options)
			if c.problem == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.problem)
		})
	}
}

func TestTheDefaultDockerfileIsInTheFolder(t *testing.T) {
	options := Options{Dir: folder(t, "Dockerfile")}
	require.NoError(t, check(&options))
	assert.Equal(t, filepath.Join(options.Dir, "Dockerfile"), options.Dockerfile)
}

// took returns rows for builds of these seconds, in the order cold, unchanged, changed, no cache. Zero means
// not run.
func took(seconds ...float64) []row {
	var rows []row
	for i, name := range []string{Cold, Unchanged, ChangedSource, NoCache} {
		if seconds[i] > 0 {
			rows = append(rows, row{name, &report.Report{Verdict: "used", Seconds: report.Seconds{Total: seconds[i]}}})
		}
	}
	return rows
}

func TestTheConclusionFollowsFromTheSeconds(t *testing.T) {
	cases := []struct {
		name string
		rows []row
		has  []string
		not  []string
	}{
		{"the cache is worth keeping", took(12, 1, 5, 10),
			[]string{"an unchanged build takes 1.0 s with the cache instead of 10.0 s without (90 % less)", "one with a changed source 5.0 s (50 % less)", "the first build takes 2.0 s more", "is worth keeping"}, []string{"not worth keeping"}},
		{"the cache makes every build slower", took(12, 11, 15, 10),
			[]string{"instead of 10.0 s without (10 % more)", "one with a changed source 15.0 s (50 % more)", "not worth keeping"}, []string{"is worth keeping", "-", "unless most builds are unchanged"}},
		{"only unchanged builds are faster", took(12, 1, 11, 10), []string{"(90 % less)", "(10 % more)", "not worth keeping for this Dockerfile, unless most builds are unchanged"}, []string{"is worth keeping"}},
		{"no file could be changed", took(12, 1, 0, 10), []string{"(90 % less)", "is worth keeping"}, []string{"changed source"}},
		{"no file could be changed, and no build is faster", took(12, 11, 0, 10), []string{"not worth keeping"}, []string{"changed source", "unless most builds are unchanged"}},
		{"only changed builds are faster, which cannot be", took(57, 58, 25, 31), []string{"not clear whether the cache is worth keeping; measure again"}, []string{"not worth keeping"}},
		{"the difference is within the noise", took(57, 58, 30, 31), []string{"not worth keeping for this Dockerfile."}, []string{"is worth keeping", "not clear"}},
		{"the first build is the fastest", took(8, 1, 5, 10), []string{"the first build takes no longer"}, []string{"-"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := conclusion(c.rows, "this Dockerfile")
			for _, text := range c.has {
				assert.Contains(t, got, text)
			}
			for _, text := range c.not {
				assert.NotContains(t, got, text)
			}
			assert.True(t, strings.HasSuffix(got, "."), "it is a sentence")
			assert.NotContains(t, got, "\n")
		})
	}
}

func TestTheConclusionAgreesWithTheReports(t *testing.T) {
	cases := []struct {
		name, worth string
		rows        []row
		has         string
	}{
		{"faster, and worth its price", "keep", took(12, 1, 5, 10), ": the cache is worth keeping."},
		{"faster, but more expensive than the time it saves", "drop", took(12, 1, 5, 10), ": it saves time, but by the prices that are set it is not worth keeping: storage is dear."},
		{"slower, although the report expects otherwise", "keep", took(12, 11, 15, 10), "it is not clear whether the cache is worth keeping"},
		{"slower, as the report says", "drop", took(12, 11, 15, 10), ": the cache is not worth keeping for this Dockerfile."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.rows[2].report.Worth, c.rows[2].report.Reason = c.worth, "storage is dear"
			assert.Contains(t, conclusion(c.rows, "this Dockerfile"), c.has)
		})
	}
}

func TestTheTableHasARowForEachBuild(t *testing.T) {
	rows := took(12, 1, 5, 10)
	rows[0].report.Verdict = "cold"
	rows[0].report.Seconds = report.Seconds{Total: 12, Setup: 0.5, Build: 9, Finish: 0.25}
	rows[2].report.Steps = []report.Step{{Instruction: "FROM a"}, {Instruction: "RUN b", Cached: true}, {Instruction: "RUN c"}}
	var out bytes.Buffer
	require.NoError(t, present(&out, rows, []string{"changed source: a.go, one newline added"}))
	lines := strings.Split(out.String(), "\n")
	assert.Equal(t, strings.Fields("build seconds setup login import build push export finish other cached verdict"), strings.Fields(lines[1]))
	assert.Equal(t, strings.Fields("cold 12.00 0.50 0.00 0.00 9.00 0.00 0.00 0.25 2.25 0/0 cold"), strings.Fields(lines[2]))
	assert.Equal(t, strings.Fields("changed source 5.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 5.00 1/2 used"), strings.Fields(lines[4]))
	assert.True(t, strings.HasPrefix(lines[5], "no cache "))
	assert.Contains(t, out.String(), "\n\nchanged source: a.go, one newline added\n")
}

func TestTheTableShowsCacheMountsIfABuildUsedOne(t *testing.T) {
	rows := took(12, 1, 5, 10)
	var out bytes.Buffer
	require.NoError(t, present(&out, rows, []string{"changed source: a.go"}))
	assert.NotContains(t, out.String(), "mounts")

	rows[0].report.Seconds.MountSave = 4
	rows[0].report.Mounts = []report.Mount{{ID: "go", Saved: true, UploadedBytes: 3_000_000}, {ID: "npm", NotSaved: "nothing is new"}}
	rows[2].report.Mounts = []report.Mount{{ID: "go", Restored: true, Bytes: 160_000_000}, {ID: "npm", Restored: true, Bytes: 7_000_000}}
	out.Reset()
	require.NoError(t, present(&out, rows, []string{"changed source: a.go"}))
	lines := strings.Split(out.String(), "\n")
	assert.Equal(t, strings.Fields("build seconds setup login import build push export mount save finish other cached mounts restored saved verdict"), strings.Fields(lines[1]))
	assert.Equal(t, strings.Fields("cold 12.00 0.00 0.00 0.00 0.00 0.00 0.00 4.00 0.00 8.00 0/0 0/2 3 MB used"), strings.Fields(lines[2]))
	assert.Equal(t, strings.Fields("unchanged 1.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 1.00 0/0 - - used"), strings.Fields(lines[3]))
	assert.Equal(t, strings.Fields("changed source 5.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 5.00 0/0 2/2, 167 MB - used"), strings.Fields(lines[4]))
}

func TestMissesAndSavedTimeAreShown(t *testing.T) {
	rows := took(12, 1, 5, 10)
	saved := 8.5
	rows[1].report.SavedSeconds = &saved
	rows[2].report.Steps = []report.Step{{Instruction: "FROM a"}, {Instruction: "COPY . ."}}
	rows[2].report.Misses = []report.Miss{{Step: 1, Cause: "a.go changed", Advice: "move it"}}
	var out bytes.Buffer
	require.NoError(t, present(&out, rows, []string{"changed source: a.go"}))
	assert.Contains(t, out.String(), "\nchanged source: had to run: COPY . ., because a.go changed\nadvice: move it\n")
	assert.Contains(t, out.String(), "the unchanged build: by its report, the cache saved 8.5 s; measured, it saved 9.0 s\n")
}

func TestAmountsThatRoundToZeroOrAreNegative(t *testing.T) {
	for measured, want := range map[float64]string{
		10.1: "measured, it saved nothing, and the build took 0.1 s longer\n", 10.02: "measured, it saved no time\n", 9.9: "measured, it saved 0.1 s\n",
	} {
		saved := -0.01
		var out bytes.Buffer
		writeEstimate(&out, &report.Report{SavedSeconds: &saved, Seconds: report.Seconds{Total: measured}}, &report.Report{Seconds: report.Seconds{Total: 10}})
		assert.Equal(t, "the unchanged build: by its report, the cache saved no time; "+want, out.String())
	}
	for with, want := range map[float64]string{10.04: "the same", 9.96: "the same", 9.9: "1 % less", 10.1: "1 % more"} {
		assert.Equal(t, want, difference(with, 10))
	}
}

func TestLintFindingsAreCounted(t *testing.T) {
	dir := folder(t, "a.go")
	dockerfile := filepath.Join(dir, "Dockerfile")
	require.NoError(t, os.WriteFile(dockerfile, []byte("FROM busybox:latest\nCOPY . .\n"), 0o644))
	var out bytes.Buffer
	require.NoError(t, presentAdvice(&out, Options{Dir: dir, Dockerfile: dockerfile, Settings: variables.Settings{ReportDir: "reports"}}))
	assert.Regexp(t, `^advice on the Dockerfile: \d+ findings; show them with: layercache lint --context `, out.String())
	assert.Contains(t, out.String(), "reports: reports/*/report.html")
}

func TestThePrintedCommandIsQuotedForAShell(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sp ace")
	require.NoError(t, os.Mkdir(dir, 0o755))
	dockerfile := filepath.Join(dir, "Dockerfile")
	require.NoError(t, os.WriteFile(dockerfile, []byte("FROM busybox:latest\nCOPY . .\n"), 0o644))
	var out bytes.Buffer
	require.NoError(t, presentAdvice(&out, Options{Dir: dir, Dockerfile: dockerfile}))
	assert.Contains(t, out.String(), "layercache lint --context '"+dir+"' '"+dockerfile+"'\n")
}

func TestTheErrorNamesTheBuildThatFailed(t *testing.T) {
	assert.EqualError(t, Failed{Build: Unchanged, ExitCode: 17}, "the unchanged build failed with exit status 17; its output is above")
	assert.EqualError(t, Failed{Build: Cold, ExitCode: 1, Reason: "RUN x failed"}, "the cold build failed with exit status 1: RUN x failed; its output is above")
}

func TestAnImageThatCannotBePulledNamesTheWayOut(t *testing.T) {
	failed := &report.Report{Failure: &report.Failure{Kind: report.FailurePull, Reason: "the image x could not be pulled"}}
	assert.Equal(t, "the image x could not be pulled; with --offline, images that this machine has are used instead", (&trial{}).reason(failed))
	assert.Equal(t, "the image x could not be pulled", (&trial{options: Options{Offline: true}}).reason(failed))
	assert.Empty(t, (&trial{}).reason(&report.Report{}))
}

func TestAReportFolderIsNamedAfterItsBuild(t *testing.T) {
	for build, want := range map[string]string{Cold: "cold", NoCache: "no-cache"} {
		assert.Equal(t, want, slug(build))
	}
}
