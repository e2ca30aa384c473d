package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/outputs"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/internal/verdict/worth"
)

// recordsAtOnce is how many targets' records are written at the same time.
const recordsAtOnce = 8

// finish saves the cache mounts and the records, and returns the report.
func (b *bakeBuild) finish(ctx context.Context, whole outcome, waits *throttle.Waits) *report.Report {
	beforeMounts := time.Now()
	mounts := b.mounts.finish(ctx)
	mountSave := time.Since(beforeMounts)
	histories := b.mounts.histories(mounts)
	traced := make([]tracedBuild, len(b.targets))
	for i, t := range b.targets {
		traced[i] = tracedBuild{t.build.args, t.build.query.wait().inputs, &t.outcome}
	}
	b.traceSteps(traced...)
	var exports []exportStatus
	var saved []savedRecord
	shared, finish := b.closeAnd(func() savedRecord {
		var group sync.WaitGroup
		group.Go(func() { exports, saved = b.saveRecords(ctx) })
		shared := b.saveMountRecord(ctx, histories)
		shared.warnings = append(shared.warnings, b.missedMirrors(ctx, whole)...)
		group.Wait()
		return shared
	})
	b.rememberOutputs()
	r := &report.Report{
		App: b.app, Builder: b.builder.kind, BuilderReason: b.builder.reason, ExitCode: whole.exitCode, Steps: []report.Step{},
		Refs: report.Refs{Imports: []string{}}, StartedAt: b.begin.UTC(), ThrottledSeconds: waits.Total().Seconds(),
		Mounts: reportMounts(mounts, b.flags.Refs.Imports), Warnings: slices.Concat(b.all(), shared.warnings, mountWarnings(mounts)),
	}
	joint := worth.Evidence{SaveWaitSeconds: saveWait(mounts), Prices: b.Settings.Prices}
	for i, t := range b.targets {
		f := facts{
			build: t.build, caches: t.build.query.wait(), outcome: t.outcome, export: exports[i], saved: saved[i], total: t.span,
			sharedBuilder: len(b.targets) > 1, ranFor: b.ranFor(t),
		}
		own := assess(f)
		own.Target = t.target.Name
		if own.MountsNotKept != "" && len(mounts) == 0 {
			r.MountsNotKept = whyNotKept(b.Settings, b.builder)
		}
		own.MountsNotKept = ""
		r.Targets = append(r.Targets, own)
		addTo(&joint, f)
	}
	r.Seconds = secondsOf(facts{build: b.build, outcome: whole, mounts: mounts, mountSave: mountSave, finish: finish, total: time.Since(b.begin)})
	for _, t := range b.targets {
		r.Seconds.Export += t.outcome.exportSeconds / float64(len(b.targets))
	}
	r.OverheadSeconds = r.Seconds.Import + r.Seconds.Export
	joint.OverheadSeconds = r.OverheadSeconds
	b.judge(r, joint, histories)
	r.Activities = append(r.Activities, mountActivities(mounts, b.begin)...)
	return r
}

// saveRecords writes the records of all targets, and returns what was exported and saved, by the target's index.
func (b *bakeBuild) saveRecords(ctx context.Context) ([]exportStatus, []savedRecord) {
	exports, saved := make([]exportStatus, len(b.targets)), make([]savedRecord, len(b.targets))
	turns := make(chan struct{}, recordsAtOnce)
	var group sync.WaitGroup
	for i, t := range b.targets {
		exports[i] = t.build.exportStatus(t.outcome)
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			saved[i] = t.build.saveRecord(ctx, t.outcome, exports[i], nil)
		})
	}
	group.Wait()
	return exports, saved
}

// ranFor returns the targets that read no cache and share a step with the target, by the step's index.
func (b *bakeBuild) ranFor(t *bakedTarget) map[int]string {
	found := map[int]string{}
	for _, other := range b.targets {
		if other == t || len(other.plan.From) > 0 || !other.target.SameSource(t.target) {
			continue
		}
		for i, step := range t.outcome.steps {
			if step.Ran && slices.ContainsFunc(other.outcome.steps, step.SameAs) {
				found[i] = other.target.Name
			}
		}
	}
	return found
}

// addTo adds the steps and the cache of a target to the evidence on all. The targets are built at the same time, so the
// longest chain of steps belongs to one of them.
func addTo(joint *worth.Evidence, f facts) {
	steps, offset := f.outcome.steps, len(joint.Steps)
	for _, step := range steps {
		step.Inputs = slices.Clone(step.Inputs)
		for i := range step.Inputs {
			step.Inputs[i] += offset
		}
		joint.Steps = append(joint.Steps, step)
	}
	joint.RunSeconds = append(joint.RunSeconds, f.caches.recordedSeconds(steps)...)
	if f.saved.cacheBytes != nil {
		total := *f.saved.cacheBytes
		if joint.CacheBytes != nil {
			total += *joint.CacheBytes
		}
		joint.CacheBytes = &total
	}
}

// judge sets the verdict on all targets, and what their caches saved.
func (b *bakeBuild) judge(r *report.Report, joint worth.Evidence, histories []payoff.MountHistory) {
	joint.MountBytes = mountBytes(cache.MergeMounts(histories, b.query.wait().lastRecord()))
	setWorth(r, worth.Assess(joint), joint.CacheBytes)
	hits, counted := 0, 0
	for _, target := range r.Targets {
		own, all := target.Hits()
		hits, counted = hits+own, counted+all
		r.HitsFrom = joinOrigins(r.HitsFrom, target.HitsFrom)
	}
	r.Verdict, r.VerdictReason = jointVerdict(r.Targets)
	if counted > 0 && r.Verdict != verdict.Off {
		ratio := float64(hits) / float64(counted)
		r.HitRatio = &ratio
	}
	r.Exported = jointExport(r.Targets)
}

// joinOrigins returns where the cached steps of two builds came from.
func joinOrigins(a, b string) string {
	if a == "" || b == "" || a == b {
		return cmp.Or(a, b)
	}
	return verdict.FromEither
}

// severity orders the verdicts of targets that took nothing from their caches.
var severity = []string{verdict.ImportFailed, verdict.Overwritten, verdict.Missing, verdict.Cold}

// jointVerdict returns the verdict on all targets: that of all if they agree, partly-used if some used their cache, else
// the one that needs attention most.
func jointVerdict(targets []*report.Report) (name, reason string) {
	byName := map[string][]string{}
	for _, target := range targets {
		byName[target.Verdict] = append(byName[target.Verdict], target.Target)
	}
	if len(targets) == 1 {
		return targets[0].Verdict, targets[0].VerdictReason
	}
	hits := len(byName[verdict.Used]) + len(byName[verdict.PartlyUsed])
	switch {
	case len(byName) == 1:
		name = targets[0].Verdict
	case hits > 0:
		name = verdict.PartlyUsed
	default:
		name = verdict.Off
		for _, candidate := range slices.Backward(severity) {
			if len(byName[candidate]) > 0 {
				name = candidate
			}
		}
	}
	if name == verdict.Off {
		return name, targets[0].VerdictReason
	}
	reason = fmt.Sprintf("%d of %d targets took every step from their cache", len(byName[verdict.Used]), len(targets))
	var others []string
	for _, candidate := range append([]string{verdict.PartlyUsed}, severity...) {
		if found := byName[candidate]; len(found) > 0 && len(byName) > 1 {
			others = append(others, strings.ReplaceAll(candidate, "-", " ")+": "+shorten(found))
		}
	}
	if len(others) > 0 {
		reason += " (" + strings.Join(others, "; ") + ")"
	}
	return name, reason
}

// jointExport returns the result of all exports: the first of these that a target has.
func jointExport(targets []*report.Report) string {
	for _, result := range []string{exportFailed, exportYes, exportUnchanged} {
		if slices.ContainsFunc(targets, func(r *report.Report) bool { return r.Exported == result }) {
			return result
		}
	}
	return exportOff
}

// saveMountRecord writes the record of the cache that the targets share, which has the histories of the cache mounts.
func (b *bakeBuild) saveMountRecord(ctx context.Context, histories []payoff.MountHistory) savedRecord {
	store := recordStore(b.flags, b.flags.Refs.Export, b.signIn.keychain)
	if len(histories) == 0 || store == nil || b.flags.To == "" {
		return savedRecord{}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(saveTimeout, max(time.Second, b.budget.left())))
	defer cancel()
	record := cache.Record{
		Version: cache.RecordVersion, Written: time.Now().UTC(), App: b.app, Platform: b.scope.Platform,
		Mounts: cache.MergeMounts(histories, b.query.wait().lastRecord()),
	}
	return savedRecord{warnings: b.saveWarnings(store.Save(ctx, &record))}
}

// rememberOutputs records what the build wrote about itself, other than reports.
func (b *bakeBuild) rememberOutputs() {
	var files []string
	if b.args.MetadataFile != "" {
		files = append(files, within(b.Dir, b.args.MetadataFile))
	}
	for _, t := range b.targets {
		own, folders := t.build.writtenPaths()
		files = append(files, own...)
		for _, folder := range folders {
			files = append(files, outputs.CacheIn(folder)...)
		}
	}
	outputs.Remember(files...)
}
