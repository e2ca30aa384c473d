package build

import (
	"fmt"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/cacheflags"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/internal/worth"
)

// judge makes the report of what has been seen; times and money are added when all is done.
func judge(request Request, session *session, result *result, memory *memory, scope cacheref.Scope) *report.Report {
	refs := memory.cache.Refs
	steps := result.steps
	v := verdict.Decide(verdict.Evidence{
		On: len(refs.Imports) > 0, Refresh: request.Settings.Refresh, Failed: result.exitCode != 0, Refs: refs.Imports,
		Steps: steps, Imports: result.imports, States: memory.states, Records: memory.records,
		App: scope.App, Platform: scope.Platform, Inputs: memory.inputs,
		LastStageOnly: lastStageOnly(request.Settings), FreshBuilder: session.freshBuilder(),
	})
	r := &report.Report{
		Verdict: v.Name, VerdictReason: v.Reason, HitRatio: v.HitRatio, HitsFrom: v.HitsFrom,
		App:     scope.App,
		Builder: session.builderKind, BuilderReason: session.builderReason,
		Refs:     report.Refs{Imports: append([]string{}, refs.Imports...), Export: refs.Export},
		Image:    result.imageDigest,
		Warnings: append([]string{}, v.Warnings...),
		ExitCode: result.exitCode,
	}
	for _, miss := range v.Misses {
		r.Misses = append(r.Misses, report.Miss{Step: miss.Step, Cause: miss.Cause, Advice: miss.Advice})
	}
	for _, ref := range refs.Imports {
		if state, asked := memory.states[ref]; asked {
			r.Caches = append(r.Caches, report.Cache{Ref: ref, Found: string(state.Kind), Problem: problemOf(ref, result.imports)})
		}
	}
	r.Exported = exported(r, result, session.exportFlag(memory.cache))
	return r
}

func lastStageOnly(s variables.Settings) bool {
	return s.Layers == variables.LayersFinal || s.Mode == variables.ModeInline || s.Mode == variables.ModeImage
}

func problemOf(ref string, imports []progress.Import) string {
	for _, attempt := range imports {
		if attempt.Ref == ref && attempt.Error != "" {
			return verdict.Cause(attempt.Error)
		}
	}
	return ""
}

// exported says what became of the cache's export; a failure is a warning too. asked is the flag that asked for it.
func exported(r *report.Report, result *result, asked string) string {
	switch {
	case result.unchanged:
		return "unchanged"
	case result.export.Error != "":
		place := ""
		if r.Refs.Export != "" {
			place = " to " + r.Refs.Export
		}
		r.Warnings = append(r.Warnings, fmt.Sprintf("the cache could not be written%s: %s", place, verdict.Cause(result.export.Error)))
		return "failed"
	case result.export.Empty:
		return "off"
	case result.export.Attempted:
		return "yes"
	case asked != "" && asked != cacheflags.Inline && result.exitCode == 0:
		// buildx leaves out in silence what its builder does not know.
		kind, _, _ := strings.Cut(asked, ",")
		r.Warnings = append(r.Warnings, fmt.Sprintf("the cache was not written to %s: the builder does not know %s", r.Refs.Export, kind))
		return "failed"
	}
	return "off"
}

// appraise adds what things took, what was saved and what that is worth.
func appraise(r *report.Report, begin time.Time, seconds report.Seconds, prices variables.Prices, result *result, memory *memory) {
	timing := result.timing
	seconds.Import, seconds.Build, seconds.Push, seconds.Export = timing.Import, timing.Build, timing.Push, timing.Export+result.exportSeconds
	r.Seconds, r.StartedAt = seconds, begin.UTC()
	r.OverheadSeconds = seconds.Import + seconds.Export
	steps := result.steps
	remembered := memory.remembered(steps)
	answer := worth.Assess(worth.Evidence{
		Steps: steps, RunSeconds: remembered, OverheadSeconds: r.OverheadSeconds, CacheBytes: r.Cost.CacheBytes, Prices: prices,
	})
	r.Worth, r.Reason, r.SavedSeconds = answer.Worth, answer.Reason, answer.SavedSeconds
	if answer.SavedSeconds != nil {
		r.CriticalPath = &report.CriticalPath{Without: answer.Without, With: answer.With}
	}
	r.Cost.SavedUSD, r.Cost.StorageUSDPerMonth = answer.SavedUSD, answer.StorageUSDPerMonth
	r.Cost.NetUSDPer100Builds, r.Cost.Arithmetic = answer.NetUSDPer100Builds, answer.Arithmetic
	addSteps(r, steps, remembered)
	for _, activity := range result.activities {
		r.Activities = append(r.Activities, report.Activity{
			Kind: activity.Kind, Label: activity.Label, Bytes: activity.Bytes,
			Start: activity.Start.Sub(begin).Seconds(), Seconds: activity.End.Sub(activity.Start).Seconds(),
		})
	}
}

// addSteps puts the steps that came to an end into the report; misses name them by their new places.
func addSteps(r *report.Report, steps []progress.Step, remembered []*float64) {
	r.Steps = []report.Step{}
	places := map[int]int{}
	for i, step := range steps {
		if !step.Cached && !step.Ran {
			continue
		}
		entry := report.Step{
			Stage: step.Stage, Platform: step.Platform, Index: step.Index, Total: step.Total, Instruction: step.Instruction,
			Cached: step.Cached, Seconds: step.Seconds, Error: step.Error,
		}
		if step.Cached {
			entry.SavedSeconds = remembered[i]
		}
		if !step.Start.IsZero() {
			entry.Start = max(0, step.Start.Sub(r.StartedAt).Seconds())
		}
		places[i] = len(r.Steps)
		r.Steps = append(r.Steps, entry)
	}
	for i := range r.Misses {
		r.Misses[i].Step = places[r.Misses[i].Step]
	}
}
