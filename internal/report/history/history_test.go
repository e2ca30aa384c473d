package history

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

// update is the variable that has the tests write what they compare with anew.
const update = "LAYERCACHE_UPDATE_SNAPSHOTS"

func number(value float64) *float64 { return &value }

var begin = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// build is the report of a build that started some days after the first.
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
	assert.Equal(t, "cache was used, is partly used, 20.5 s slower", c.Words)
	assert.Equal(t, []string{"build: COPY src src", "build: RUN make"}, names(c.Lost), "of two steps that read the same, the second one alone")
	assert.Equal(t, "src/main.go changed", c.Lost[0].Cause)
	assert.Nil(t, c.Lost[0].Before)
	assert.Equal(t, number(12), c.Lost[1].After)
	assert.Equal(t, []string{"test: RUN unit"}, names(c.Faster))
	assert.Equal(t, []string{"test: RUN lint --all"}, names(c.Added))
	assert.Equal(t, []string{"test: RUN lint"}, names(c.Removed))
	assert.Empty(t, c.Slower)
	assert.Empty(t, c.Gained)

	back := Compare(build("b", 1, sourceChanged), build("a", 0, nil))
	assert.Equal(t, "cache was partly used, is used, 20.5 s faster", back.Words)
	assert.Equal(t, []string{"build: COPY src src", "build: RUN make"}, names(back.Gained))
	assert.Equal(t, []string{"test: RUN unit"}, names(back.Slower))
	assert.Empty(t, back.Lost)
}

func TestSmallDifferencesOfAStepAreNone(t *testing.T) {
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

func TestATrendIsInTheOrderOfTheStarts(t *testing.T) {
	trend := Follow([]Build{build("c", 2, nil), build("a", 0, nil), build("b", 1, nil)})
	assert.Equal(t, "a", trend.Builds[0].Path)
	assert.Equal(t, "c", trend.Builds[2].Path)

	unknownStart := func(r *report.Report) { r.StartedAt = time.Time{} }
	trend = Follow([]Build{build("c", 2, nil), build("a", 0, unknownStart), build("b", 1, nil)})
	assert.Equal(t, "c", trend.Builds[0].Path, "as given, where a start is not known")
}

func TestATrendCountsTheStepThatLosesItsCacheMostOften(t *testing.T) {
	cold := func(r *report.Report) {
		r.Verdict = "cold"
		r.Misses = []report.Miss{{Step: 1, Cause: "there was no cache yet"}}
	}
	trend := Follow([]Build{build("a", 0, cold), build("b", 1, sourceChanged), build("c", 2, nil), build("d", 3, sourceChanged)})
	assert.Equal(t, 3, trend.Reading, "a build that had no cache tells nothing")
	require.NotEmpty(t, trend.Lost)
	assert.Equal(t, LostStep{Place: "build", Instruction: "COPY src src", Times: 2, Cause: "src/main.go changed"}, trend.Lost[0])
}

func TestMediansAndSumsLeaveOutWhatIsNotKnown(t *testing.T) {
	unknownSaving := func(r *report.Report) { r.SavedSeconds, r.HitRatio, r.Cost.SavedUSD = nil, nil, nil }
	trend := Follow([]Build{build("a", 0, unknownSaving), build("b", 1, sourceChanged), build("c", 2, nil)})
	assert.Equal(t, Medians{HitRatio: number(0.625), Seconds: number(10), Saved: number(30), Overhead: number(1)}, trend.Medians)
	assert.Equal(t, number(60), trend.SavedSeconds)
	assert.Contains(t, strings.Join(trend.Arithmetic, "\n"), "what 1 of 3 builds saved is not known and counts as nothing")

	trend = Follow([]Build{build("a", 0, unknownSaving), build("b", 1, unknownSaving), build("c", 2, unknownSaving)})
	assert.Nil(t, trend.Medians.Saved)
	assert.Nil(t, trend.SavedSeconds)
}

func TestWorthOverAllBuilds(t *testing.T) {
	cases := []struct {
		name   string
		change func(*report.Report)
		worth  string
		says   string
	}{
		{"seconds and money are saved", nil, "keep", "USD 0.0263 for keeping the caches in the 8.0 days"},
		{"the storage costs more than is saved", func(r *report.Report) { r.Cost.StorageUSDPerMonth = number(5) }, "drop", "USD 1.3151 for keeping"},
		{"without prices the seconds tell", func(r *report.Report) { r.Cost = report.Cost{} }, "keep", "120.0 s saved"},
		{"seconds are lost", func(r *report.Report) { r.SavedSeconds, r.Cost = number(-1), report.Cost{} }, "drop", "-3.0 s saved"},
		{"nothing is known", func(r *report.Report) { r.SavedSeconds = nil }, "unknown", "no build knows what it saved"},
		{"of too few it is known", func(r *report.Report) {
			if !r.StartedAt.Equal(begin) {
				r.SavedSeconds = nil
			}
		}, "unknown", "too few builds to judge by"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			trend := Follow([]Build{build("a", 0, c.change), build("b", 4, c.change), build("c", 8, c.change)})
			assert.Equal(t, c.worth, trend.Worth)
			assert.Contains(t, strings.Join(trend.Arithmetic, "\n"), c.says)
		})
	}
}

func TestSparklines(t *testing.T) {
	assert.Equal(t, "▁▅█·▁", sparkline([]*float64{number(0), number(5), number(10), nil, number(-3)}))
	assert.Equal(t, "▁▁", sparkline([]*float64{number(0), number(0)}))
	assert.Equal(t, "unknown", sparkline([]*float64{nil, nil}))
}

func samples() map[string][]Build {
	other := func(r *report.Report) { r.App, r.SavedSeconds, r.ExitCode = "cart", nil, 1 }
	return map[string][]Build{
		"comparison": {build("before/report.json", 0, nil), build("after/report.json", 1, sourceChanged)},
		"trend":      {build("1/report.json", 0, sourceChanged), build("2/report.json", 1, nil), build("3/report.json", 2, other)},
	}
}

func TestTextAndMarkdownAreThoseOfTheSnapshots(t *testing.T) {
	for name, builds := range samples() {
		for format, ending := range map[string]string{"text": ".txt", "markdown": ".md"} {
			t.Run(name+ending, func(t *testing.T) {
				made, err := Render(builds, format)
				require.NoError(t, err)
				path := filepath.Join("testdata", name+ending)
				if os.Getenv(update) != "" {
					require.NoError(t, os.WriteFile(path, made, 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, string(want), string(made), "run this test with %s=true when the change is meant", update)
			})
		}
	}
}

func TestEveryFormatShowsOneTwoAndThreeBuilds(t *testing.T) {
	all := samples()["trend"]
	for count := 1; count <= 3; count++ {
		for _, format := range Formats {
			made, err := Render(all[:count], format)
			if format == "junit" && count > 1 {
				require.ErrorContains(t, err, "one report")
				continue
			}
			require.NoError(t, err)
			assert.NotEmpty(t, made)
			if format == "json" {
				assert.True(t, json.Valid(made))
			}
		}
		_, err := Render(all[:count], "pdf")
		require.ErrorContains(t, err, "expected text, markdown, html, junit, json")
	}
	_, err := Render(nil, "text")
	require.Error(t, err)
}

func TestHostileTextStaysText(t *testing.T) {
	const evil = "</script><img src=x>\x1b[2J\n| a |"
	change := func(r *report.Report) {
		r.Verdict, r.App, r.VerdictReason = evil, evil, evil
		r.Steps = append(r.Steps, report.Step{Stage: evil, Instruction: evil})
		r.Misses = []report.Miss{{Step: len(r.Steps) - 1, Cause: evil}}
	}
	builds := []Build{build(evil, 0, change), build("b", 1, nil), build("c", 2, change)}
	for count := 2; count <= 3; count++ {
		for _, format := range []string{"text", "markdown", "html"} {
			made, err := Render(builds[:count], format)
			require.NoError(t, err)
			assert.NotContains(t, string(made), "\x1b")
			assert.NotRegexp(t, regexp.MustCompile(`(?m)^\| a \|`), string(made))
			if format != "text" {
				assert.NotContains(t, string(made), "<img")
			}
		}
	}
}
