package history

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/layercache/layercache/internal/report"
)

// Trend is how builds went over time.
type Trend struct {
	// Builds are in the order in which they started.
	Builds []BuildFigures `json:"builds"`
	// Apps has more than one name where the builds are of different apps.
	Apps []string `json:"apps"`
	// Medians are over the builds where the figure is known.
	Medians Medians `json:"medians"`
	// Lost are the first steps that had to run, the most frequent first; Reading counts the builds that had a cache to read.
	Lost    []LostStep `json:"lost"`
	Reading int        `json:"reading"`
	// Worth is "keep", "drop" or "unknown" over all builds; Arithmetic shows why.
	Worth      string   `json:"worth"`
	Arithmetic []string `json:"arithmetic"`
	// SavedSeconds and SavedUSD are sums over the builds where they are known; nil where no build knows.
	SavedSeconds *float64 `json:"savedSeconds"`
	SavedUSD     *float64 `json:"savedUSD"`
}

// BuildFigures is a build in one row.
type BuildFigures struct {
	Path      string    `json:"path"`
	App       string    `json:"app"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	Verdict   string    `json:"verdict"`
	Line      string    `json:"line"`
	HitRatio  *float64  `json:"hitRatio"`
	Seconds   float64   `json:"seconds"`
	Saved     *float64  `json:"savedSeconds"`
	Overhead  float64   `json:"overheadSeconds"`
	ExitCode  int       `json:"exitCode"`
}

// Medians are the middle values; nil where no build knows the figure.
type Medians struct {
	HitRatio *float64 `json:"hitRatio"`
	Seconds  *float64 `json:"seconds"`
	Saved    *float64 `json:"savedSeconds"`
	Overhead *float64 `json:"overheadSeconds"`
}

// LostStep is a step that was the first of its stage to run.
type LostStep struct {
	Place       string `json:"place"`
	Instruction string `json:"instruction"`
	Times       int    `json:"times"`
	// Cause is that of the last time.
	Cause string `json:"cause"`
}

// Follow puts builds in the order of their starts and follows them.
func Follow(builds []Build) Trend {
	builds = slices.Clone(builds)
	sortByStart(builds)
	t := Trend{Apps: apps(builds), Lost: []LostStep{}}
	var ratios, totals, saved, overheads []float64
	for _, build := range builds {
		row := figuresOf(build)
		t.Builds = append(t.Builds, row)
		totals, overheads = append(totals, row.Seconds), append(overheads, row.Overhead)
		ratios, saved = appendKnown(ratios, row.HitRatio), appendKnown(saved, row.Saved)
	}
	t.Medians = Medians{HitRatio: median(ratios), Seconds: median(totals), Saved: median(saved), Overhead: median(overheads)}
	t.countLost(builds)
	t.judge(builds)
	return t
}

func figuresOf(build Build) BuildFigures {
	return BuildFigures{
		Path: build.Path, App: build.App, StartedAt: build.StartedAt, Verdict: build.Verdict, Line: build.Line(), HitRatio: build.HitRatio,
		Seconds: build.Seconds.Total, Saved: build.SavedSeconds, Overhead: build.OverheadSeconds, ExitCode: build.ExitCode,
	}
}

func appendKnown(values []float64, value *float64) []float64 {
	if value == nil {
		return values
	}
	return append(values, *value)
}

func median(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	sort.Float64s(values)
	middle := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	return &middle
}

// countLost counts the first steps that ran in builds that had a cache to read. A build that had none tells nothing.
func (t *Trend) countLost(builds []Build) {
	at := map[stepKey]int{}
	for _, build := range builds {
		if !hadCache(build) {
			continue
		}
		t.Reading++
		for _, miss := range build.FirstMisses() {
			step := build.Steps[miss.Step]
			key := stepKey{step.Place(), step.Instruction, 0}
			i, known := at[key]
			if !known {
				i = len(t.Lost)
				at[key] = i
				t.Lost = append(t.Lost, LostStep{Place: step.Place(), Instruction: step.Instruction})
			}
			t.Lost[i].Times++
			t.Lost[i].Cause = miss.Cause
		}
	}
	sort.SliceStable(t.Lost, func(i, j int) bool { return t.Lost[i].Times > t.Lost[j].Times })
}

func hadCache(build Build) bool {
	return build.Verdict == "used" || build.Verdict == "partly-used" ||
		slices.ContainsFunc(build.Caches, func(c report.Cache) bool { return c.Found == "cache" })
}

// judge sums what was saved, in seconds and where all of it is known in money.
func (t *Trend) judge(builds []Build) {
	t.Worth = "unknown"
	var seconds, dollars []float64
	for _, build := range builds {
		seconds, dollars = appendKnown(seconds, build.SavedSeconds), appendKnown(dollars, build.Cost.SavedUSD)
	}
	t.SavedSeconds, t.SavedUSD = sum(seconds), sum(dollars)
	if t.SavedSeconds == nil {
		t.Arithmetic = []string{"no build knows what it saved"}
		return
	}
	t.Arithmetic = append(t.Arithmetic, fmt.Sprintf("%.1f s saved in %s, the caches' own time taken off", *t.SavedSeconds, share(len(seconds), len(builds))))
	net := *t.SavedSeconds
	if t.SavedUSD != nil {
		t.Arithmetic = append(t.Arithmetic, fmt.Sprintf("USD %.4f saved in %s", *t.SavedUSD, share(len(dollars), len(builds))))
		if storage, span := storageOf(builds); storage != nil {
			net = *t.SavedUSD - *storage
			t.Arithmetic = append(t.Arithmetic, fmt.Sprintf("USD %.4f for keeping the caches in the %.1f days from the first build to the last", *storage, span.Hours()/24))
		}
	}
	if len(seconds) < len(builds) {
		t.Arithmetic = append(t.Arithmetic, fmt.Sprintf("what %d of %d builds saved is not known and counts as nothing", len(builds)-len(seconds), len(builds)))
	}
	switch {
	case 2*len(seconds) < len(builds):
		t.Arithmetic = append(t.Arithmetic, "that is known of too few builds to judge by")
	case net > 0:
		t.Worth = "keep"
	default:
		t.Worth = "drop"
	}
}

func share(part, whole int) string { return fmt.Sprintf("%d of %d builds", part, whole) }

func sum(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	var total float64
	for _, value := range values {
		total += value
	}
	return &total
}

// storageOf is what keeping the last known cache of each app cost from the first build to the last; nil where that is not known.
func storageOf(builds []Build) (usd *float64, span time.Duration) {
	const month = 730 * time.Hour
	monthly := map[string]float64{}
	for _, build := range builds {
		if build.StartedAt.IsZero() {
			return nil, 0
		}
		if build.Cost.StorageUSDPerMonth != nil {
			monthly[build.App] = *build.Cost.StorageUSDPerMonth
		}
	}
	if len(monthly) < len(apps(builds)) {
		return nil, 0
	}
	span = builds[len(builds)-1].StartedAt.Sub(builds[0].StartedAt)
	var total float64
	for _, cost := range monthly {
		total += cost * float64(span) / float64(month)
	}
	return &total, span
}
