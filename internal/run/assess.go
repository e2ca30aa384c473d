package run

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/variables"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/internal/verdict/worth"
)

// facts are everything that the report is made from.
type facts struct {
	job     *job
	caches  knownCaches
	outcome outcome
	export  exportResult
	saved   savedRecord
	total   time.Duration
}

// assess returns the report.
func assess(f facts) *report.Report {
	j, built, refs := f.job, f.outcome, f.job.flags.Refs
	v := verdict.Decide(verdict.Evidence{
		On: len(refs.Imports) > 0, Refresh: j.Settings.Refresh, Failed: built.exitCode != 0, Refs: refs.Imports,
		Steps: built.steps, Imports: built.imports, States: f.caches.states, Records: f.caches.records,
		App: j.scope.App, Platform: j.scope.Platform, Inputs: f.caches.inputs,
		LastStageOnly: lastStageOnly(j.Settings), FreshBuilder: j.builder.isFresh(),
	})
	seconds := secondsOf(f)
	recorded := f.caches.recordedSeconds(built.steps)
	w := worth.Assess(worth.Evidence{
		Steps: built.steps, RunSeconds: recorded, OverheadSeconds: seconds.Import + seconds.Export,
		CacheBytes: f.saved.cacheBytes, Prices: j.Settings.Prices,
	})
	r := &report.Report{
		Verdict: v.Name, VerdictReason: v.Reason, HitRatio: v.HitRatio, HitsFrom: v.HitsFrom,
		App:     j.scope.App,
		Builder: j.builder.kind, BuilderReason: j.builder.reason,
		Refs:      report.Refs{Imports: append([]string{}, refs.Imports...), Export: refs.Export},
		Image:     built.imageDigest,
		Frontend:  built.frontend,
		Exported:  f.export.name,
		ExitCode:  built.exitCode,
		StartedAt: j.begin.UTC(), Seconds: seconds, OverheadSeconds: seconds.Import + seconds.Export,
		Worth: w.Worth, Reason: w.Reason, SavedSeconds: w.SavedSeconds,
		Cost: report.Cost{
			CacheBytes: f.saved.cacheBytes, SavedUSD: w.SavedUSD, StorageUSDPerMonth: w.StorageUSDPerMonth,
			NetUSDPer100Builds: w.NetUSDPer100Builds, Arithmetic: w.Arithmetic,
		},
		Warnings: slices.Concat(j.all(), v.Warnings, f.export.warnings, f.saved.warnings),
	}
	if f.saved.sameCache {
		r.Exported = exportUnchanged
	}
	if w.SavedSeconds != nil {
		r.CriticalPath = &report.CriticalPath{Without: w.Without, With: w.With}
	}
	for _, ref := range refs.Imports {
		if state, asked := f.caches.states[ref]; asked {
			r.Caches = append(r.Caches, report.Cache{Ref: ref, Found: string(state.Kind), Problem: importProblem(ref, built.imports)})
		}
	}
	var indexes map[int]int
	r.Steps, indexes = reportSteps(built.steps, recorded, j.begin)
	for _, miss := range v.Misses {
		r.Misses = append(r.Misses, report.Miss{Step: indexes[miss.Step], Cause: miss.Cause, Advice: miss.Advice})
	}
	for _, activity := range built.activities {
		r.Activities = append(r.Activities, report.Activity{
			Kind: activity.Kind, Label: activity.Label, Bytes: activity.Bytes,
			Start: activity.Start.Sub(j.begin).Seconds(), Seconds: activity.End.Sub(activity.Start).Seconds(),
		})
	}
	return r
}

func secondsOf(f facts) report.Seconds {
	timing := f.outcome.timing
	return report.Seconds{
		Setup: (f.job.setup - f.job.loginWait).Seconds(), Login: f.job.loginWait.Seconds(),
		Import: timing.Import, Build: timing.Build, Push: timing.Push, Export: timing.Export + f.outcome.exportSeconds,
		Total: f.total.Seconds(),
	}
}

func lastStageOnly(s variables.Settings) bool {
	return s.Layers == variables.LayersFinal || s.Mode == variables.ModeInline || s.Mode == variables.ModeImage
}

func importProblem(ref string, imports []progress.Import) string {
	for _, attempt := range imports {
		if attempt.Ref == ref && attempt.Error != "" {
			return verdict.Cause(attempt.Error)
		}
	}
	return ""
}

// maxInstruction is the number of characters of an instruction, and of an error, that the reports show. The
// Dockerfile or the frontend decides how long they are.
const maxInstruction = 4096

// reportSteps returns the steps that ended, and the index of each in them by its index in steps.
func reportSteps(steps []progress.Step, recorded []*float64, begin time.Time) ([]report.Step, map[int]int) {
	entries, indexes := []report.Step{}, map[int]int{}
	for i, step := range steps {
		if !step.Cached && !step.Ran {
			continue
		}
		entry := report.Step{
			Stage: step.Stage, Platform: step.Platform, Index: step.Index, Total: step.Total, Instruction: escape.Shorten(step.Instruction, maxInstruction),
			Cached: step.Cached, Seconds: step.Seconds, Error: escape.Shorten(step.Error, maxInstruction),
		}
		if step.Cached {
			entry.SavedSeconds = recorded[i]
		}
		if !step.Start.IsZero() {
			entry.Start = max(0, step.Start.Sub(begin).Seconds())
		}
		indexes[i] = len(entries)
		entries = append(entries, entry)
	}
	return entries, indexes
}

// The values of `exported` in report.json.
const (
	exportYes       = "yes"
	exportFailed    = "failed"
	exportUnchanged = "unchanged"
	exportOff       = "off"
)

// exportResult is the result of the cache's export.
type exportResult struct {
	// name is one of the values above.
	name     string
	warnings []string
}

func (e exportResult) written() bool { return e.name == exportYes }

// exportResult returns the result of the export. A failure is also a warning.
func (j *job) exportResult(built outcome) exportResult {
	return exportResultOf(built, j.exportFlag(j.flags), j.flags.Refs.Export)
}

// exportResultOf returns the result from the outcome, the value of --cache-to, and the cache's ref.
func exportResultOf(built outcome, flag, ref string) exportResult {
	failed := func(format string, args ...any) exportResult {
		return exportResult{name: exportFailed, warnings: []string{fmt.Sprintf(format, args...)}}
	}
	switch {
	case built.unchanged:
		return exportResult{name: exportUnchanged}
	case built.export.Error != "":
		place := ""
		if ref != "" {
			place = " to " + ref
		}
		return failed("the cache could not be written%s: %s", place, verdict.Cause(built.export.Error))
	case built.export.Empty:
		return exportResult{name: exportOff}
	case built.export.Attempted:
		return exportResult{name: exportYes}
	case flag != "" && flag != cache.Inline && built.exitCode == 0:
		// buildx silently leaves out exports that its builder does not know.
		kind, _, _ := strings.Cut(flag, ",")
		return failed("the cache was not written to %s: the builder does not support %s", ref, kind)
	}
	return exportResult{name: exportOff}
}
