package comparison

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

// update is the variable that makes the tests rewrite their snapshots.
const update = "LAYERCACHE_UPDATE_SNAPSHOTS"

func number(value float64) *float64 { return &value }

var begin = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// build returns a report of a build that started on the given day after begin.
func build(path string, day int, change func(*report.Report)) Build {
	r := &report.Report{
		Verdict: "used", VerdictReason: "every step came from the cache", App: "shop", Exported: "unchanged", HitRatio: number(1),
		StartedAt: begin.AddDate(0, 0, day), SavedSeconds: number(40), OverheadSeconds: 1,
		Seconds: report.Seconds{Total: 10, Setup: 1, Build: 8, Export: 1},
		Steps: []report.Step{
			{Stage: "build", Instruction: "FROM golang"},
			{Stage: "build", Instruction: "RUN go mod download", Cached: true},
			{Stage: "build", Instruction: "COPY src src", Cached: true},
			{Stage: "build", Instruction: "RUN make", Cached: true},
			{Stage: "build", Instruction: "RUN make", Cached: true},
			{Stage: "test", Instruction: "RUN lint", Seconds: 2},
			{Stage: "test", Instruction: "RUN unit", Seconds: 9},
		},
		Cost: report.Cost{SavedUSD: number(0.01), StorageUSDPerMonth: number(0.1)},
	}
	if change != nil {
		change(r)
	}
	return Build{path, r}
}

func sourceChanged(r *report.Report) {
	r.Verdict, r.VerdictReason, r.HitRatio, r.SavedSeconds, r.Exported = "partly-used", "COPY src src had to run", number(0.25), number(20), "yes"
	r.Seconds = report.Seconds{Total: 30.5, Setup: 1, Build: 27, Export: 2.5}
	r.Steps[2].Cached, r.Steps[2].Seconds = false, 0.5
	r.Steps[4].Cached, r.Steps[4].Seconds = false, 12
	r.Steps[5] = report.Step{Stage: "test", Instruction: "RUN lint --all", Seconds: 3}
	r.Steps[6].Seconds = 4
	r.Misses = []report.Miss{{Step: 2, Cause: "src/main.go changed"}}
}

func names(changes []StepChange) []string {
	var all []string
	for _, change := range changes {
		all = append(all, change.Place+": "+change.Instruction)
	}
	return all
}

func TestTwoBuildsAreComparedStepByStep(t *testing.T) {
	c := Compare(build("a", 0, nil), build("b", 1, sourceChanged))
	assert.Equal(t, "cache partly used, was used, 20.5 s slower", c.Words)
	assert.Equal(t, []string{"build: COPY src src", "build: RUN make"}, names(c.Lost), "of two equal instructions only the second")
	assert.Equal(t, "src/main.go changed", c.Lost[0].Cause)
	assert.Nil(t, c.Lost[0].Before)
	assert.Equal(t, number(12), c.Lost[1].After)
	assert.Equal(t, []string{"test: RUN unit"}, names(c.Faster))
	assert.Equal(t, []string{"test: RUN lint --all"}, names(c.Added))
	assert.Equal(t, []string{"test: RUN lint"}, names(c.Removed))
	assert.Empty(t, c.Slower)
	assert.Empty(t, c.Gained)

	back := Compare(build("b", 1, sourceChanged), build("a", 0, nil))
	assert.Equal(t, "cache used, was partly used, 20.5 s faster", back.Words)
	assert.Equal(t, []string{"build: COPY src src", "build: RUN make"}, names(back.Gained))
	assert.Equal(t, []string{"test: RUN unit"}, names(back.Slower))
	assert.Empty(t, back.Lost)
}

func TestSmallDifferencesOfAStepDoNotCount(t *testing.T) {
	cases := []struct {
		name                  string
		before, after         float64
		slower, faster, still bool
	}{
		{"under half a second", 1, 1.4, false, false, true},
		{"under a tenth", 100, 109, false, false, true},
		{"over both", 10, 11.5, true, false, false},
		{"faster by both", 10, 8, false, true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			compared := Compare(build("a", 0, func(r *report.Report) { r.Steps[6].Seconds = c.before }), build("b", 1, func(r *report.Report) { r.Steps[6].Seconds = c.after }))
			assert.Equal(t, c.slower, len(compared.Slower) == 1)
			assert.Equal(t, c.faster, len(compared.Faster) == 1)
			assert.Equal(t, c.still, len(compared.Slower)+len(compared.Faster) == 0)
		})
	}
}

func TestABuildWithCacheMountsIsComparedWithOneWithout(t *testing.T) {
	with := build("a", 0, func(r *report.Report) { r.Seconds.MountSave = 2 })
	for _, pair := range [][]Build{{with, build("b", 1, nil)}, {build("a", 0, nil), build("b", 1, func(r *report.Report) { r.Seconds.MountSave = 2 })}} {
		got, err := Render(pair, "text")
		require.NoError(t, err)
		assert.Regexp(t, `(?m)^ *mount save +[02]\.00 +[02]\.00 +[+-]2\.00$`, string(got))
		assert.Regexp(t, `(?m)^ *other +0\.00 +0\.00 +0$`, string(got))
	}
}

func TestTheHitRatioIsRoundedAsOnThePage(t *testing.T) {
	got, err := Render([]Build{build("a", 0, nil), build("b", 1, func(r *report.Report) { r.HitRatio = number(0.625) })}, "text")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^ *hit ratio +1\.00 +0\.63 +-0\.38$`, string(got))
}

func samples() []Build {
	return []Build{build("before/report.json", 0, nil), build("after/report.json", 1, sourceChanged)}
}

func TestTextAndMarkdownEqualTheSnapshots(t *testing.T) {
	for format, ending := range map[string]string{"text": ".txt", "markdown": ".md"} {
		t.Run(format, func(t *testing.T) {
			got, err := Render(samples(), format)
			require.NoError(t, err)
			path := filepath.Join("testdata", "comparison"+ending)
			if os.Getenv(update) != "" {
				require.NoError(t, os.WriteFile(path, got, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got), "if the change is intended, run this test with %s=true", update)
		})
	}
}

func TestEveryFormatShowsOneBuildAndComparesTwo(t *testing.T) {
	for count := 1; count <= 2; count++ {
		for _, format := range Formats() {
			got, err := Render(samples()[:count], format)
			if format == "junit" && count > 1 {
				require.ErrorContains(t, err, "one report only")
				continue
			}
			require.NoError(t, err)
			assert.NotEmpty(t, got)
			if format == "json" {
				assert.True(t, json.Valid(got))
			}
		}
		_, err := Render(samples()[:count], "pdf")
		require.ErrorContains(t, err, "expected text, markdown, html, junit, json")
	}
}

func TestOnlyOneOrTwoReportsAreShown(t *testing.T) {
	_, err := Render(nil, "text")
	require.ErrorContains(t, err, "cannot show 0 reports")
	_, err = Render(append(samples(), samples()...), "text")
	require.ErrorContains(t, err, "cannot show 4 reports: give one, or two to compare")
}

func TestTheComparisonOfDifferentAppsHasAWarning(t *testing.T) {
	other := build("b", 1, func(r *report.Report) { r.App = "cart" })
	got, err := Render([]Build{build("a", 0, nil), other}, "text")
	require.NoError(t, err)
	assert.Contains(t, string(got), `The builds are of different apps, "shop" and "cart", so their figures cannot be compared.`)
}

func TestHostileTextStaysText(t *testing.T) {
	const evil = "</script><img src=x>\x1b[2J\n| a |"
	change := func(r *report.Report) {
		r.Verdict, r.App, r.VerdictReason = evil, evil, evil
		r.Steps = append(r.Steps, report.Step{Stage: evil, Instruction: evil})
		r.Misses = []report.Miss{{Step: len(r.Steps) - 1, Cause: evil}}
	}
	builds := []Build{build(evil, 0, change), build("b", 1, nil)}
	for _, format := range []string{"text", "markdown", "html"} {
		got, err := Render(builds, format)
		require.NoError(t, err)
		assert.NotContains(t, string(got), "\x1b")
		assert.NotRegexp(t, regexp.MustCompile(`(?m)^\| a \|`), string(got))
		if format != "text" {
			assert.NotContains(t, string(got), "<img")
		}
	}
}
