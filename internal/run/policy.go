package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/verdict"
)

// situation is how a call of buildx ended, as far as it decides what happens next.
type situation struct {
	// failed is true where the exit status is not 0, stopped where a signal ended the build.
	failed, stopped bool
	// builderDied is true where the builder's process ended, and no step failed.
	builderDied bool
	// replaced is true where a builder that died was replaced before in this build.
	replaced bool
	// cause is what the cache did; nil where the cache is not the cause.
	cause *cacheFailure
}

// step is what happens next.
type step int

const (
	// finish means that the build is over, whatever its exit status.
	finish step = iota
	// repeatOnNewBuilder repeats the build with the cache, on a new builder.
	repeatOnNewBuilder
	// leaveStuckBuilder repeats the build with the cache, on a builder of layercache's own.
	leaveStuckBuilder
	// repeatWithoutCache repeats the build on the same builder, which keeps the steps that ended, and does not read the cache.
	repeatWithoutCache
	// repeatWithoutCacheOnNewBuilder does so on a new builder.
	repeatWithoutCacheOnNewBuilder
)

// policy decides what happens after a call of buildx. The first row that applies counts.
var policy = []struct {
	situation string
	applies   func(situation) bool
	next      step
}{
	{"the build succeeded", func(s situation) bool { return !s.failed }, finish},
	{"a signal stopped the build", func(s situation) bool { return s.stopped }, finish},
	{"the builder died for the first time", func(s situation) bool { return s.builderDied && !s.replaced }, repeatOnNewBuilder},
	{"the build failed by itself", func(s situation) bool { return s.cause == nil }, finish},
	{"the builder is stuck", func(s situation) bool { return s.cause.waitedFor == awaitsBuilder }, leaveStuckBuilder},
	{"the cache left the builder unusable", func(s situation) bool { return s.cause.spoilsBuilder() }, repeatWithoutCacheOnNewBuilder},
	{"the cache made the build fail", func(situation) bool { return true }, repeatWithoutCache},
}

// nextStep returns what the policy says.
func nextStep(s situation) step {
	for _, row := range policy {
		if row.applies(s) {
			return row.next
		}
	}
	return finish
}

// situationOf finds out how the call ended.
func (j *job) situationOf(ctx context.Context, ended outcome, plan cache.Flags, replaced bool) situation {
	s := situation{failed: ended.exitCode != 0, stopped: stoppedBy(ctx) != nil, replaced: replaced}
	if !s.failed || s.stopped {
		return s
	}
	s.builderDied = j.builderDied(ended)
	s.cause = j.cacheFailureIn(ended, plan)
	return s
}

// builderDied reports whether the builder's process ended and no step failed. The end of the process is known a moment
// after that of its client.
func (j *job) builderDied(ended outcome) bool {
	started := j.builder.started
	if ended.stall.waitedFor != progress.AwaitsNothing || started == nil || len(ended.graph.Failures()) > 0 {
		return false
	}
	for range 20 {
		if started.Lost() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// cacheFailure is what a cache did to a call of buildx that did not end well.
type cacheFailure struct {
	// refs are the caches that could not be read; none where the export failed.
	refs []string
	// problem is BuildKit's error, or layercache's own where the cache did not answer.
	problem string
	// waitedFor is what did not answer in time.
	waitedFor progress.Awaited
}

// cacheFailureIn returns what the cache did, nil where it did nothing wrong.
func (j *job) cacheFailureIn(ended outcome, plan cache.Flags) *cacheFailure {
	stall := ended.stall
	switch {
	case stall.waitedFor != progress.AwaitsNothing:
		problem := stall.complaint
		if problem == "" {
			problem = j.noAnswer(stall.waitedFor)
		}
		return &cacheFailure{refs: stall.refs, waitedFor: stall.waitedFor, problem: problem}
	case len(plan.From) == 0:
		return nil
	}
	return blamedCache(ended.graph, plan.Refs.Imports)
}

// noAnswer is the error of a cache that did not answer in time.
func (j *job) noAnswer(waitedFor progress.Awaited) string {
	return verdict.NoAnswer(string(waitedFor), j.budget.total)
}

// spoilsBuilder reports whether the same builder would fail again: it still waits for the import, or it has taken in corrupt
// content, which may belong to the base image too.
func (f cacheFailure) spoilsBuilder() bool {
	return f.waitedFor == progress.AwaitsImport || corrupt.MatchString(f.problem) || garbled.MatchString(f.problem)
}

func (f cacheFailure) String() string {
	switch f.waitedFor {
	case awaitsBuilder:
		return "the builder is stuck, because BuildKit cannot cancel its cache import"
	case progress.AwaitsImport, progress.AwaitsPull, progress.AwaitsExport:
		return "the cache took too long to answer (" + verdict.Cause(f.problem) + ")"
	}
	return fmt.Sprintf("the cache made the build fail (%s)", verdict.Cause(f.problem))
}

// applyTo removes from the flags what cannot work, and notes it in the outcome. A cache that answers is still written, which may
// repair it.
func (f cacheFailure) applyTo(ended *outcome, plan *cache.Flags) {
	for i, attempt := range ended.imports {
		if slices.Contains(f.refs, attempt.Ref) {
			ended.imports[i].Error = f.problem
		}
	}
	plan.From = nil
	if f.waitedFor == progress.AwaitsNothing {
		return
	}
	if plan.To != "" {
		ended.export = progress.Export{Attempted: true, Error: f.problem}
	}
	plan.To = ""
}
