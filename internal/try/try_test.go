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

func TestWhatIsToBeTriedIsCheckedFirst(t *testing.T) {
	dir := folder(t, "Dockerfile", "other/Dockerfile.web", "a.go")
	bare := folder(t, "a.go")
	cases := []struct {
		name    string
		options Options
		problem string
	}{
		{"a folder with a Dockerfile", Options{Dir: dir}, ""},
		{"a Dockerfile that is named", Options{Dir: bare, Dockerfile: filepath.Join(dir, "other", "Dockerfile.web")}, ""},
		{"a file to change", Options{Dir: dir, Touch: "other/Dockerfile.web"}, ""},
		{"no such folder", Options{Dir: filepath.Join(dir, "absent")}, "absent is not a folder"},
		{"a file instead of a folder", Options{Dir: filepath.Join(dir, "a.go")}, "a.go is not a folder"},
		{"a folder without a Dockerfile", Options{Dir: bare}, "name the Dockerfile with --file"},
		{"a Dockerfile that is not there", Options{Dir: dir, Dockerfile: "absent"}, "there is no absent"},
		{"a file to change that is not there", Options{Dir: dir, Touch: "b.go"}, "--touch b.go: there is no such file in " + dir},
		{"a folder to change", Options{Dir: dir, Touch: "other"}, "--touch other: there is no such file"},
		{"a file to change outside", Options{Dir: dir, Touch: "../a.go"}, "give a path inside " + dir},
		{"a file to change by its full path", Options{Dir: dir, Touch: filepath.Join(dir, "a.go")}, "give a path inside " + dir},
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

func TestTheDockerfileIsTheFoldersUnlessNamed(t *testing.T) {
	options := Options{Dir: folder(t, "Dockerfile")}
	require.NoError(t, check(&options))
	assert.Equal(t, filepath.Join(options.Dir, "Dockerfile"), options.Dockerfile)
}

// took makes rows that took the seconds, in the order cold, unchanged, changed, no cache; a build of zero was not run.
func took(seconds ...float64) []row {
	var rows []row
	for i, name := range []string{Cold, Unchanged, Changed, NoCache} {
		if seconds[i] > 0 {
			rows = append(rows, row{name, &report.Report{Verdict: "used", Seconds: report.Seconds{Total: seconds[i]}}})
		}
	}
	return rows
}

func TestTheMeaningFollowsFromTheFigures(t *testing.T) {
	cases := []struct {
		name string
		rows []row
		has  []string
		not  []string
	}{
		{"the cache pays", took(12, 1, 5, 10),
			[]string{"an unchanged build takes 1.0 s with the cache instead of 10.0 s without (90 % less)", "a changed one 5.0 s (50 % less)", "the first build costs 2.0 s more", "worth keeping"}, []string{"does not pay"}},
		{"the cache costs", took(12, 11, 15, 10),
			[]string{"instead of 10.0 s without (10 % more)", "a changed one 15.0 s (50 % more)", "does not pay"}, []string{"worth keeping", "-", "unless most builds are unchanged"}},
		{"only unchanged builds gain", took(12, 1, 11, 10), []string{"(90 % less)", "(10 % more)", "does not pay, unless most builds are unchanged"}, []string{"worth keeping"}},
		{"nothing could be changed", took(12, 1, 0, 10), []string{"(90 % less)", "worth keeping"}, []string{"changed one"}},
		{"nothing could be changed and nothing gains", took(12, 11, 0, 10), []string{"does not pay"}, []string{"changed one", "unless most builds are unchanged"}},
		{"the first build happens to be the fastest", took(8, 1, 5, 10), []string{"the first build costs 0.0 s more"}, []string{"-"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := meaning(c.rows)
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

func TestTheTableHasARowForEachBuild(t *testing.T) {
	rows := took(12, 1, 5, 10)
	rows[0].report.Verdict = "cold"
	rows[2].report.Steps = []report.Step{{Instruction: "FROM a"}, {Instruction: "RUN b", Cached: true}, {Instruction: "RUN c"}}
	var out bytes.Buffer
	require.NoError(t, present(&out, rows, "a.go, one line end added"))
	lines := strings.Split(out.String(), "\n")
	assert.Equal(t, strings.Fields("build seconds setup import build push export cached verdict"), strings.Fields(lines[1]))
	assert.Equal(t, strings.Fields("cold 12.0 0.00 0.00 0.00 0.00 0.00 0/0 cold"), strings.Fields(lines[2]))
	assert.Equal(t, strings.Fields("changed 5.0 0.00 0.00 0.00 0.00 0.00 1/2 used"), strings.Fields(lines[4]))
	assert.True(t, strings.HasPrefix(lines[5], "no cache "))
	assert.Contains(t, out.String(), "\nchanged file: a.go, one line end added\n")
}

func TestWhyAStepHadToRunAndWhatWasSavedIsSaid(t *testing.T) {
	rows := took(12, 1, 5, 10)
	saved := 8.5
	rows[1].report.SavedSeconds = &saved
	rows[2].report.Steps = []report.Step{{Instruction: "FROM a"}, {Instruction: "COPY . ."}}
	rows[2].report.Misses = []report.Miss{{Step: 1, Cause: "a.go changed", Advice: "move it"}}
	var out bytes.Buffer
	require.NoError(t, present(&out, rows, "a.go"))
	assert.Contains(t, out.String(), "\nhad to run: COPY . ., because a.go changed\nadvice: move it\n")
	assert.Contains(t, out.String(), "says that the cache saved 8.5 s; the clock says 9.0 s\n")
}

func TestAdviceOnTheDockerfileIsCounted(t *testing.T) {
	dir := folder(t, "a.go")
	dockerfile := filepath.Join(dir, "Dockerfile")
	require.NoError(t, os.WriteFile(dockerfile, []byte("FROM busybox:latest\nCOPY . .\n"), 0o644))
	var out bytes.Buffer
	require.NoError(t, presentAdvice(&out, Options{Dir: dir, Dockerfile: dockerfile, Settings: variables.Settings{ReportDir: "reports"}}))
	assert.Regexp(t, `^advice on the Dockerfile: \d+ findings, shown by: layercache lint --context `, out.String())
	assert.Contains(t, out.String(), "reports: reports/*/report.html")
}

func TestABuildThatFailedIsNamed(t *testing.T) {
	assert.EqualError(t, Failed{Build: Unchanged, ExitCode: 17}, "the unchanged build failed with exit status 17; its output is above")
}

func TestAReportFolderIsNamedAfterItsBuild(t *testing.T) {
	for build, want := range map[string]string{Cold: "cold", NoCache: "no-cache"} {
		assert.Equal(t, want, slug(build))
	}
}
