package run

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/variables"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/internal/verdict/worth"
)

// facts are everything that the report is made from.
type facts struct {
	build   *build
	caches  knownCaches
	outcome outcome
	export  exportStatus
	mounts  []cachemount.Result
	// mountSave is how long the build waited for the save of the mounts.
	mountSave time.Duration
	// histories are the mounts' histories, including this build.
	histories []payoff.MountHistory
	saved     savedRecord
	// finish is how long it took to stop the builder and, at the same time, to write the record.
	finish time.Duration
	// stopped is true if a signal stopped the build.
	stopped bool
	// throttled is how long the build waited because a registry throttled it.
	throttled, total time.Duration
	// sharedBuilder is true if other targets of a bake ran steps on the builder.
	sharedBuilder bool
	// ranFor is verdict.Evidence.RanFor.
	ranFor map[int]string
}

// onlyCacheHits reports whether every cached step came from the cache, not from the builder, except for those that are
// marked as built earlier.
func (f facts) onlyCacheHits() bool {
	return f.build.builder.isFresh() && !f.outcome.originsUnknown && (!f.sharedBuilder || f.outcome.imported())
}

// imported reports whether a cache was read.
func (o outcome) imported() bool {
	return slices.ContainsFunc(o.imports, func(attempt progress.Import) bool { return attempt.Error == "" })
}

// dropOwnHits changes the steps of a build that read no cache on a builder that started empty. A step is cached there if
// another one of the same build had the same result, as when COPY --from copies a file to where COPY has put it. It counts
// as run.
func (o *outcome) dropOwnHits() {
	if o.imported() {
		return
	}
	for i, step := range o.steps {
		if step.Cached && !step.Earlier && !step.IsFrom() {
			o.steps[i].Cached, o.steps[i].Ran = false, true
		}
	}
}

// assess returns the report.
func assess(f facts) *report.Report {
	b, built, refs := f.build, f.outcome, f.build.flags.Refs
	v := verdict.Decide(verdictEvidence(f))
	seconds, recorded := secondsOf(f), f.caches.recordedSeconds(built.steps)
	r := &report.Report{
		Verdict: v.Name, VerdictReason: v.Reason, HitRatio: v.HitRatio, HitsFrom: v.HitsFrom,
		App:     b.scope.App,
		Builder: b.builder.kind, BuilderReason: b.builder.reason,
		Refs:      report.Refs{Imports: append([]string{}, refs.Imports...), Export: refs.Export},
		Caches:    reportCaches(f),
		Image:     built.image.digest,
		Frontend:  built.frontend,
		Exported:  f.export.name,
		Policy:    b.acting.report(),
		ExitCode:  built.exitCode,
		StartedAt: b.begin.UTC(), Seconds: seconds, OverheadSeconds: seconds.Import + seconds.Export,
		ThrottledSeconds: f.throttled.Seconds(),
		Mounts:           reportMounts(f.mounts, refs.Imports),
		Activities:       reportActivities(f),
		Warnings:         slices.Concat(b.all(), v.Warnings, f.export.warnings, f.saved.warnings, mountWarnings(f.mounts), b.mounts.unknown()),
	}
	setWorth(r, worth.Assess(worthEvidence(f, seconds, recorded)), f.saved.cacheBytes)
	if len(f.mounts) == 0 && usedCacheMount(built.steps) {
		r.MountsNotKept = whyNotKept(b.Settings, b.builder)
	}
	r.Failure, r.Help = helpFor(f, v)
	if f.saved.sameCache {
		r.Exported = exportUnchanged
	}
	var indexes map[int]int
	r.Steps, indexes = reportSteps(built.steps, recorded, b.begin)
	for _, miss := range v.Misses {
		r.Misses = append(r.Misses, report.Miss{Step: indexes[miss.Step], Cause: miss.Cause, Advice: miss.Advice})
	}
	return r
}

func verdictEvidence(f facts) verdict.Evidence {
	b, built, refs := f.build, f.outcome, f.build.flags.Refs
	return verdict.Evidence{
		On: len(refs.Imports) > 0, OnlyChecks: b.args.OnlyChecks, Refresh: b.Settings.Refresh, Images: built.images,
		NoCache: b.args.NoCache, AddsStages: b.addsStages, FreshStages: b.args.FreshStages,
		Failed: built.exitCode != 0, Refs: refs.Imports,
		Steps: built.steps, Imports: built.imports, States: f.caches.states, Records: f.caches.records,
		App: b.scope.App, Platform: b.scope.Platform, Inputs: f.caches.inputs,
		LastStageOnly: lastStageOnly(b.Settings), FreshBuilder: f.onlyCacheHits(),
		Writer: writerOf(b.Request, b.args), Export: refs.Export, OwnCache: b.flags.OwnCache(), InFolder: b.flags.Folder != "",
		SignIns: b.signIn.failures, Linked: linkedContexts(b.args), RanFor: f.ranFor, Declined: b.declined(),
	}
}

// worthEvidence returns the evidence for what the cache saved. recorded is how long each step took when it last ran.
func worthEvidence(f facts, seconds report.Seconds, recorded []*float64) worth.Evidence {
	return worth.Evidence{
		Steps: f.outcome.steps, RunSeconds: recorded, EmptySeconds: emptySeconds(f.outcome.steps, f.mounts, f.histories),
		OverheadSeconds: seconds.Import + seconds.Export, SaveWaitSeconds: saveWait(f.mounts),
		CacheBytes: f.saved.cacheBytes, MountBytes: mountBytes(cache.MergeMounts(f.histories, f.caches.lastRecord())),
		Prices: f.build.Settings.Prices,
	}
}

// setWorth sets what the cache saved and costs.
func setWorth(r *report.Report, w worth.Assessment, cacheBytes *int64) {
	r.Worth, r.Reason, r.SavedSeconds = w.Worth, w.Reason, w.SavedSeconds
	r.Cost = report.Cost{
		CacheBytes: cacheBytes, SavedUSD: w.SavedUSD, StorageUSDPerMonth: w.StorageUSDPerMonth,
		NetUSDPer100Builds: w.NetUSDPer100Builds, Arithmetic: w.Arithmetic,
	}
	if w.SavedSeconds != nil {
		r.CriticalPath = &report.CriticalPath{Without: w.Without, With: w.With}
	}
}

// reportCaches returns the caches that were queried, in the order of the imports.
func reportCaches(f facts) []report.Cache {
	var caches []report.Cache
	for _, ref := range f.build.flags.Refs.Imports {
		if state, asked := f.caches.states[ref]; asked {
			problem := importCause(ref, f.outcome.imports, f.build.signIn.failures)
			caches = append(caches, report.Cache{Ref: ref, Found: string(state.Kind), Problem: problem})
		}
	}
	return caches
}

// reportActivities returns the activities of the build, and those of its cache mounts.
func reportActivities(f facts) []report.Activity {
	var activities []report.Activity
	begin := f.build.begin
	for _, activity := range f.outcome.activities {
		activities = append(activities, report.Activity{
			Kind: activity.Kind, Label: activity.Label, Bytes: activity.Bytes,
			Start: activity.Start.Sub(begin).Seconds(), Seconds: activity.End.Sub(activity.Start).Seconds(),
		})
	}
	return append(activities, mountActivities(f.mounts, begin)...)
}

// helpFor returns why the build failed, and what to do: about the failure, else about the import of the cache, else about
// its export.
func helpFor(f facts, v verdict.Verdict) (*report.Failure, *report.Help) {
	help := f.export.help
	if v.Help.Anchor != "" {
		help = v.Help
	}
	var failure *report.Failure
	if f.outcome.exitCode != 0 && !f.stopped {
		if why := verdict.ExplainFailure(f.outcome.graph.Failed(), f.outcome.buildxError, f.build.signIn.failures); why != nil {
			failure, help = &report.Failure{Kind: why.Kind, Reason: escape.Redact(why.Reason)}, why.Help
		}
	}
	if help.Anchor == "" {
		return failure, nil
	}
	return failure, &report.Help{Advice: help.Advice, Address: help.Address()}
}

// linkedContexts returns the named build contexts that are the result of another target of a bake.
func linkedContexts(args buildx.Args) []string {
	var linked []string
	for name, place := range args.BuildContexts() {
		if strings.HasPrefix(place, "target:") {
			linked = append(linked, name)
		}
	}
	return linked
}

func secondsOf(f facts) report.Seconds {
	timing := f.outcome.timing
	parts := report.Seconds{
		Setup: (f.build.setup - f.build.loginWait).Seconds(), Login: f.build.loginWait.Seconds(),
		Import: timing.Import, Build: timing.Build, Push: timing.Push, Export: timing.Export + f.outcome.exportSeconds,
		Finish: f.finish.Seconds(), Total: f.total.Seconds(),
	}
	if len(f.mounts) > 0 {
		parts.MountSave = f.mountSave.Seconds()
	}
	return parts
}

func lastStageOnly(s variables.Settings) bool {
	return s.Layers == variables.LayersFinal || s.Mode == variables.ModeInline || s.Mode == variables.ModeImage
}

func importCause(ref string, imports []progress.Import, signIns verdict.SignIns) string {
	for _, attempt := range imports {
		if attempt.Ref == ref && attempt.Error != "" {
			cause, _ := signIns.Explain(ref, attempt.Error)
			return cause
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
			Cached: step.Cached, Earlier: step.Earlier, Seconds: step.Seconds, Error: escape.Shorten(step.Error, maxInstruction), Tail: step.Tail,
		}
		if step.Cached && !step.Earlier {
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

// exportStatus is the result of the cache's export.
type exportStatus struct {
	// name is one of the values above.
	name     string
	warnings []string
	// help is what to do about a failure.
	help verdict.Help
}

func (e exportStatus) written() bool { return e.name == exportYes }

// exportStatus returns the result of the export. A failure is also a warning.
func (b *build) exportStatus(built outcome) exportStatus {
	return statusOfExport(built, b.exportFlag(b.flags), b.flags.Refs.Export, b.signIn.failures)
}

// statusOfExport returns the result from the outcome, the value of --cache-to, the cache's ref, and the sign-ins that
// failed.
func statusOfExport(built outcome, flag, ref string, signIns verdict.SignIns) exportStatus {
	failed := func(help verdict.Help, format string, args ...any) exportStatus {
		return exportStatus{name: exportFailed, warnings: []string{fmt.Sprintf(format, args...)}, help: help}
	}
	switch {
	case built.unchanged:
		return exportStatus{name: exportUnchanged}
	case built.export.Error != "":
		place := ""
		if ref != "" {
			place = " to " + ref
		}
		cause, help := signIns.Explain(ref, built.export.Error)
		return failed(help, "the cache could not be written%s: %s", place, cause)
	case built.export.Empty:
		return exportStatus{name: exportOff}
	case built.export.Attempted:
		return exportStatus{name: exportYes}
	case flag != "" && flag != cache.Inline && built.exitCode == 0:
		// buildx silently leaves out exports that its builder does not know.
		kind, _, _ := strings.Cut(flag, ",")
		return failed(verdict.Unsupported(), "the cache was not written to %s: the builder does not support %s", ref, kind)
	}
	return exportStatus{name: exportOff}
}
