package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/verdict"
)

// situation has what decides about the next step after a call of buildx.
type situation struct {
	// failed is true if the exit status is not 0, stopped if a signal ended the build.
	failed, stopped bool
	// builderDied is true if the builder's process ended and no step failed.
	builderDied bool
	// replaced is true if this build has already replaced a builder that died.
	replaced bool
	// throttled is the error of a registry that asks to try again later. It is empty if the build did not
	// fail because of it, or there is no time left to wait.
	throttled string
	// cause is the failure of the cache; nil if the cache is not the cause.
	cause *cacheFailure
}

// step is what happens next.
type step int

const (
	// finish ends the build, with whatever exit status it has.
	finish step = iota
	// repeatAfterWait waits for a registry that throttles, and repeats the build with the cache, on the same
	// builder.
	repeatAfterWait
	// repeatOnNewBuilder repeats the build with the cache, on a new builder.
	repeatOnNewBuilder
	// leaveStuckBuilder repeats the build with the cache, on a builder of layercache's own.
	leaveStuckBuilder
	// repeatWithoutCache repeats the build on the same builder, which still has the finished steps, without
	// an import.
	repeatWithoutCache
	// repeatWithoutCacheOnNewBuilder repeats the build on a new builder without an import.
	repeatWithoutCacheOnNewBuilder
)

// retryPolicy decides what happens after a call of buildx. The first row that applies counts.
var retryPolicy = []struct {
	situation string
	applies   func(situation) bool
	next      step
}{
	{"the build succeeded", func(s situation) bool { return !s.failed }, finish},
	{"a signal stopped the build", func(s situation) bool { return s.stopped }, finish},
	{"the builder died for the first time", func(s situation) bool { return s.builderDied && !s.replaced }, repeatOnNewBuilder},
	{"a registry throttled the build", func(s situation) bool { return s.throttled != "" }, repeatAfterWait},
	{"the build failed by itself", func(s situation) bool { return s.cause == nil }, finish},
	{"the builder is stuck", func(s situation) bool { return s.cause.awaited == awaitsBuilder }, leaveStuckBuilder},
	{"the cache left the builder unusable", func(s situation) bool { return s.cause.spoilsBuilder() }, repeatWithoutCacheOnNewBuilder},
	{"the cache made the build fail", func(situation) bool { return true }, repeatWithoutCache},
}

// nextStep returns the next step according to retryPolicy.
func nextStep(s situation) step {
	for _, row := range retryPolicy {
		if row.applies(s) {
			return row.next
		}
	}
	return finish
}

// retryActions are what a retry does differently for one build and for the targets of a bake.
type retryActions struct {
	// dropThrottled forgets the imports that a registry throttled.
	dropThrottled func()
	// dropCache removes what made the call fail from the cache flags, and says so.
	dropCache func()
	// leaveBuilder moves to another builder than the stuck one.
	leaveBuilder func() error
}

// prepareRetry does what retryPolicy says before the next call. again is false if there is none.
func (b *build) prepareRetry(ctx context.Context, s situation, actions retryActions) (again bool, err error) {
	if nextStep(s) == repeatAfterWait && !b.awaitRegistry(ctx, s.throttled) {
		if err := stoppedBy(ctx); err != nil {
			return false, err
		}
		s.throttled = ""
	}
	switch nextStep(s) {
	case finish:
		return false, nil
	case repeatAfterWait:
		b.say("building again after the wait (%s)", escape.Line(verdict.Cause(s.throttled)))
		actions.dropThrottled()
	case repeatOnNewBuilder:
		b.say("the builder ended unexpectedly (%s): building again on a new one", b.builder.failure())
		b.replaced = !errors.Is(b.builder.started.Failure(), jobbuilder.ErrEndedByBuild)
		err = b.replaceBuilder(ctx)
	case leaveStuckBuilder:
		err = actions.leaveBuilder()
	case repeatWithoutCache:
		actions.dropCache()
	case repeatWithoutCacheOnNewBuilder:
		actions.dropCache()
		b.builder.mayBeStuck = s.cause.awaited == progress.AwaitsImport && !b.builder.isReplaceable()
		err = b.replaceBuilder(ctx)
	}
	return err == nil, err
}

// situationOf returns the situation after a call.
func (b *build) situationOf(ctx context.Context, ended outcome, plan cache.Flags) situation {
	s := situation{failed: ended.exitCode != 0, stopped: stoppedBy(ctx) != nil, replaced: b.replaced}
	if !s.failed || s.stopped {
		return s
	}
	s.builderDied = b.builderDied(ended)
	s.throttled = b.throttledIn(ended)
	s.cause = b.cacheFailureIn(ended, plan)
	return s
}

// builderDied reports whether the builder's process ended and no step failed. It waits a moment, because the
// end of the process is noticed after that of its client.
func (b *build) builderDied(ended outcome) bool {
	started := b.builder.started
	if ended.stall.awaited != progress.AwaitsNothing || started == nil || len(ended.graph.Failures()) > 0 {
		return false
	}
	return started.AwaitExit()
}

// cacheFailure is a failure of a cache that made a call of buildx fail.
type cacheFailure struct {
	// refs are the caches that could not be imported; empty if the export failed.
	refs []string
	// problem is BuildKit's error, or layercache's if the cache did not answer.
	problem string
	// awaited is the work that was not done in time.
	awaited progress.Awaited
	// locked is true if another build was writing to the same local cache. Everything else has succeeded.
	locked bool
}

// cacheFailureIn returns the failure of the cache, nil if the cache is not the cause.
func (b *build) cacheFailureIn(ended outcome, plan cache.Flags) *cacheFailure {
	stall := ended.stall
	switch {
	case stall.awaited != progress.AwaitsNothing:
		return &cacheFailure{refs: stall.refs, awaited: stall.awaited, problem: cmp.Or(stall.retriedError, errortext.NoAnswer)}
	case stall.throttled != "":
		return &cacheFailure{refs: plan.Refs.Imports, problem: stall.throttled}
	case plan.To != "" && plan.Folder != "" && errortext.IsLocked(ended.buildxError, filepath.Join(plan.Folder, "index.json.lock")):
		return &cacheFailure{problem: ended.buildxError, locked: true}
	case len(plan.From) == 0:
		return nil
	}
	return blamedCache(ended.graph, plan.Refs.Imports)
}

// spoilsBuilder reports whether the same builder would fail again: it still waits for the import, or it
// stored corrupt content, which may also be used for the base image.
func (f cacheFailure) spoilsBuilder() bool {
	return f.awaited == progress.AwaitsImport || errortext.IsWrongDigest(f.problem) || errortext.IsNotALayer(f.problem)
}

func (f cacheFailure) String() string {
	if f.locked {
		return "the cache cannot be written while another build writes it"
	}
	switch f.awaited {
	case awaitsBuilder:
		return "the builder is stuck, because BuildKit cannot cancel its cache import"
	case progress.AwaitsImport, progress.AwaitsPull, progress.AwaitsExport:
		return "the cache took too long to answer (" + verdict.Cause(f.problem) + ")"
	}
	return fmt.Sprintf("the cache made the build fail (%s)", verdict.Cause(f.problem))
}

// applyTo removes the failed import and export from the flags, and notes the failure in the outcome. A cache
// that answers is still exported, which may repair it.
func (f cacheFailure) applyTo(ended *outcome, plan *cache.Flags) {
	for i, attempt := range ended.imports {
		if slices.Contains(f.refs, attempt.Ref) {
			ended.imports[i].Error = f.problem
		}
	}
	if !f.locked {
		plan.From = nil
	}
	if f.awaited == progress.AwaitsNothing && !f.locked {
		return
	}
	if plan.To != "" {
		ended.export = progress.Export{Attempted: true, Error: f.problem}
	}
	plan.To = ""
}
