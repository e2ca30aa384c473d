package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/policy"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

// acting is what LAYERCACHE_POLICY=act chose for a build.
type acting struct {
	policy.Decision
	// dockerfile is the digest of the Dockerfile; empty if not known.
	dockerfile string
	// own is true if the history is in the record of the cache at Refs.Export, so that this build is added to it. Builds of
	// other branches follow the history of the fallback branch, and never write it.
	own     bool
	history policy.History
}

// choseNone reports whether the build was to use no cache. The receiver may be nil.
func (a *acting) choseNone() bool { return a != nil && a.Choice == policy.None }

// declined returns why the build used no cache by choice; empty if it was to use one.
func (b *build) declined() string {
	if !b.acting.choseNone() {
		return ""
	}
	return b.acting.Reason
}

// report returns the choice for the report; nil if there was none to make. The receiver may be nil.
func (a *acting) report() *report.Policy {
	if a == nil {
		return nil
	}
	return &report.Policy{Choice: string(a.Choice), Trial: a.Trial, Reason: a.Reason}
}

// acts reports whether the build is one for which a choice is made. One that ignores the cache shows nothing about it, and
// neither does one on a builder that keeps its own, which is a warning.
func (b *build) acts() bool {
	ignoresCache := b.Settings.Refresh || b.args.NoCache || len(b.args.FreshStages) > 0
	if b.Settings.Policy != variables.PolicyAct || !b.flags.InRegistry || ignoresCache || b.args.OnlyChecks {
		return false
	}
	if !b.builder.isFresh() {
		b.warn("LAYERCACHE_POLICY=act has no effect on the builder %s, which may keep a cache of its own: use native, or set advise", b.builder.kind)
	}
	return b.builder.isFresh()
}

// act chooses what the build does with its cache by what the last builds showed, and changes the flags.
func (b *build) act() {
	if !b.acts() {
		return
	}
	records := b.query.waitRecords()
	a := &acting{own: true}
	for _, ref := range b.decidingRefs() {
		if r := records[ref]; r != nil && r.Policy != nil {
			a.history, a.own = *r.Policy, ref == b.flags.Refs.Export
			break
		}
	}
	if known, ok := b.query.waitFor(nothingNewWait); ok {
		a.dockerfile = known.inputs.Dockerfile
	}
	usual := policy.All
	if b.flags.LastStageOnly {
		usual = policy.Final
	}
	a.Decision = a.history.Choose(policy.Now{Dockerfile: a.dockerfile, Usual: usual, Follows: !a.own || !b.Settings.Write})
	b.acting = a
	switch a.Choice {
	case policy.None:
		b.flags.From, b.flags.To = nil, ""
	case policy.Final:
		b.Settings.Layers = variables.LayersFinal
		// The same settings have already given flags without an error.
		b.flags, _ = cache.FlagsFromSettings(b.Settings, b.scope, outputOf(b.Request, b.args), b.LookupEnv)
	}
}

// decidingRefs returns the caches whose history decides, in order: those of the fallback branch, which are imported last,
// that of the fallback repository first; and the one that the build writes if there is no other to follow. So a build of a
// pull request, which reads the caches of the release builds as its fallback, follows these.
func (b *build) decidingRefs() []string {
	own := b.flags.Refs.Export
	refs := slices.DeleteFunc(slices.Clone(b.flags.Refs.Imports), func(ref string) bool { return ref == own })
	slices.Reverse(refs)
	return append(refs, own)
}

// nextPolicyHistory returns the history for the record of the cache, with what the build showed. It returns the last
// record's history if the build does not decide, or shows nothing, like a build that had steps from an earlier build of
// the job.
func (b *build) nextPolicyHistory(built outcome, known knownCaches, export exportStatus) *policy.History {
	before := known.records[b.flags.Refs.Export]
	earlier := built.originsUnknown || slices.ContainsFunc(built.steps, func(step progress.Step) bool { return step.Earlier })
	failed := slices.ContainsFunc(built.imports, func(attempt progress.Import) bool { return attempt.Error != "" && !attempt.IsAbsent() })
	if b.acting == nil || !b.acting.own || !b.acting.history.Known() || built.exitCode != 0 || failed || earlier || export.name == exportFailed || len(built.steps) == 0 {
		if before == nil {
			return nil
		}
		return before.Policy
	}
	read := slices.ContainsFunc(built.imports, func(attempt progress.Import) bool { return attempt.Error == "" })
	lacked := before != nil && before.LastStageOnly && b.acting.Choice == policy.All
	steps, kept := observedSteps(built.steps, known, before, b.acting.Choice, b.args.Target)
	history := b.acting.history.Add(policy.Observation{
		Decision: b.acting.Decision, Dockerfile: b.acting.dockerfile, Steps: steps, KeptKnown: kept,
		First:  b.acting.Choice != policy.None && (!read || lacked || b.addsStages),
		Import: built.timing.Import, Export: built.timing.Export + built.exportSeconds, Push: built.timing.Push,
	}.Build())
	return &history
}

// observedSteps returns the steps with what is known of their times, and whether it is known of all which of them a
// cache of all layers would have had.
func observedSteps(steps []progress.Step, known knownCaches, before *cache.Record, choice policy.Choice, target string) (observed []policy.Step, keptKnown bool) {
	last := lastStageSteps(steps, known.inputs, target)
	unchanged, comparable := unchangedSteps(steps, known.inputs, before)
	ran := slices.ContainsFunc(steps, func(step progress.Step) bool { return step.Ran && !step.IsFrom() })
	recorded := known.recordedSeconds(steps)
	for i, step := range steps {
		s := policy.Step{
			Inputs: step.Inputs, Base: step.IsFrom(), Last: last[i], Kept: step.Cached, Seconds: step.Seconds,
			Run: recorded[i], Fetch: known.lastRecord().FetchSeconds(step),
		}
		if step.Ran && !s.Base || s.Base && ran {
			s.Run = &step.Seconds
		}
		if choice == policy.None || choice == policy.Final && !s.Last {
			s.Kept = comparable && unchanged[i]
		}
		observed = append(observed, s)
	}
	return observed, comparable || choice == policy.All
}

// lastStageSteps reports for each step whether a cache of the last stage has it. If that is not known, it is true for all.
func lastStageSteps(steps []progress.Step, inputs cache.Inputs, target string) []bool {
	last := slices.Repeat([]bool{true}, len(steps))
	if inputs.Outline == nil {
		return last
	}
	stages := inputs.Outline.Last(target)
	for i, step := range steps {
		if place, found := inputs.Outline.Locate(step.Stage, step.Index, step.Instruction); found {
			last[i] = slices.Contains(stages, place.Stage)
		}
	}
	return last
}

// unchangedSteps reports for each step whether the last build had it with the same input, so that a cache which that build
// wrote would have it. known is false if that cannot be said.
func unchangedSteps(steps []progress.Step, inputs cache.Inputs, before *cache.Record) (unchanged []bool, known bool) {
	if before == nil || !before.Inputs.Complete() || !inputs.Complete() {
		return nil, false
	}
	unchanged, done := make([]bool, len(steps)), make([]bool, len(steps))
	known = true
	var same func(i int) bool
	same = func(i int) bool {
		if done[i] {
			return unchanged[i]
		}
		done[i] = true
		step := steps[i]
		if step.IsFrom() {
			_, unchanged[i] = before.Seconds(step)
			return unchanged[i]
		}
		changed, found := inputs.Outline.ChangedStep(before.Inputs.Outline, step.Stage, step.Index, step.Instruction)
		known = known && found
		unchanged[i] = found && !changed
		for _, input := range step.Inputs {
			unchanged[i] = same(input) && unchanged[i]
		}
		return unchanged[i]
	}
	for i := range steps {
		same(i)
	}
	return unchanged, known
}

// saveWithoutCache writes the record of a build that used no cache by choice, and replaces the cache of the builds before,
// which no build reads any more. After a trial, the cache and what the record says of it stay.
func (b *build) saveWithoutCache(ctx context.Context, built outcome, mounts []payoff.MountHistory, saved savedRecord) savedRecord {
	saved.cacheBytes = nil
	if !b.acting.own || !b.Settings.Write || built.exitCode != 0 {
		return saved
	}
	known, ref := b.query.wait(), b.flags.Refs.Export
	before, store := known.records[ref], recordStore(b.flags, ref, b.signIn.keychain)
	if b.acting.Trial && before != nil {
		same := *before
		same.Policy, same.Mounts = b.nextPolicyHistory(built, known, exportStatus{name: exportOff}), cache.MergeMounts(mounts, before)
		saved.warnings = append(saved.warnings, b.saveWarnings(store.Save(ctx, &same))...)
		return saved
	}
	if known.states[ref].Kind == cache.KindCache {
		if err := cache.Clear(ctx, ref, b.signIn.keychain); err != nil {
			saved.warnings = append(saved.warnings, fmt.Sprintf("the cache %s, which no build reads any more, could not be emptied: %s", ref, b.explain(err)))
		}
	}
	next := &cache.Record{
		Version: cache.RecordVersion, Written: time.Now().UTC(), App: b.scope.App, Platform: b.scope.Platform, Inputs: known.inputs,
		Steps: cache.MergeSteps(built.steps, known.lastRecord()), Images: built.images, Mounts: cache.MergeMounts(mounts, known.lastRecord()),
		Policy: b.nextPolicyHistory(built, known, exportStatus{name: exportOff}),
	}
	saved.warnings = append(saved.warnings, b.saveNext(ctx, store, next, before)...)
	return saved
}
