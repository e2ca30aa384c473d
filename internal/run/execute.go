package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/verdict"
)

// nothingNewWait is how long a build waits for the answer whether there is something new to export. Without
// one it exports.
const nothingNewWait = 200 * time.Millisecond

// execute runs the build. If its inputs equal those that produced the cache, it builds without an export; if
// a step ran nevertheless, it exports the cache afterwards.
func (j *job) execute(ctx context.Context) (outcome, error) {
	plan, skipsExport := j.plan(ctx)
	built, err := j.buildDespiteCache(ctx, plan)
	if err != nil {
		return outcome{}, err
	}
	if built.exitCode == 0 && j.args.PrintsID() {
		fmt.Fprintln(j.Stdout, built.imageID)
	}
	j.noteUnreached(&built)
	ranStep := slices.ContainsFunc(built.steps, func(step progress.Step) bool { return step.Ran && !step.IsFrom() })
	switch {
	case !skipsExport || built.exitCode != 0:
	case !ranStep:
		built.unchanged = true
	case j.budget.left() == 0:
		built.export = progress.Export{Attempted: true, Error: j.noAnswer(progress.AwaitsExport)}
	default:
		j.exportOnly(ctx, "because a step had to run", &built)
	}
	j.exportAfterThrottling(ctx, &built)
	return built, nil
}

// plan returns the cache flags for the first call of buildx, and whether they omit the export because nothing
// is new.
func (j *job) plan(ctx context.Context) (plan cache.Flags, skipsExport bool) {
	j.act()
	plan, problems := j.reachable(ctx)
	if len(problems) > 0 {
		j.say("building without the cache: %s", escape.Line(strings.Join(problems, "; ")))
	}
	return j.exported(plan, nothingNewWait)
}

// exported returns the flags without the export if nothing is new, and whether it is left out for that reason. It waits
// that long for the answer.
func (j *job) exported(plan cache.Flags, wait time.Duration) (_ cache.Flags, skipsExport bool) {
	if !plan.InRegistry || plan.To == "" || j.Settings.Refresh {
		return plan, false
	}
	known, ok := j.lookup.waitFor(wait)
	known.flags = j.flags
	switch {
	case ok && known.nothingNew():
		plan.To = ""
		return plan, true
	case ok && known.lacksStages():
		plan.From, j.addsStages = nil, true
	}
	return plan, false
}

// reachable waits for the states of the caches, and returns the flags without the caches that do not exist, for which
// BuildKit would show an error, and without those whose registry did not answer or still throttles, and why. BuildKit would
// wait forever for one that does not answer: it can neither cancel an import nor run another build during one.
func (j *job) reachable(ctx context.Context) (plan cache.Flags, problems []string) {
	begin := time.Now()
	states := j.lookup.waitStates()
	plan = j.flags
	plan.From = nil
	for i, from := range j.flags.From {
		ref := j.flags.Refs.Imports[i]
		state := states[ref]
		if problem := j.unread(state); problem != "" {
			cause, _ := j.signIn.refused.Explain(ref, problem)
			problems = append(problems, cause)
		} else if !state.IsAbsent() {
			plan.From = append(plan.From, from)
		}
	}
	if first := firstCache(j.flags, states); first != "" {
		plan.From = []string{first}
	}
	if j.unreached(states[j.flags.Refs.Export]) != "" {
		plan.To = ""
	}
	// Waits for a registry that throttles count even if they were over before the builder was ready.
	throttled := throttle.FromContext(ctx).Total()
	j.budget.spend(throttled)
	if len(problems) > 0 {
		j.budget.spend(max(0, time.Since(begin)-throttled))
	}
	return plan, slices.Compact(problems)
}

// firstCache returns the --cache-from of the first ref that is known to hold a cache, or "". Of two caches,
// BuildKit takes each step from the one that answers first, and then misses later steps that only the other
// has: unchanged builds of a branch missed their own cache at random if the default branch's cache was
// imported too.
//
// https://github.com/moby/buildkit/issues/6418
func firstCache(flags cache.Flags, states map[string]cache.State) string {
	for i, from := range flags.From {
		if state := states[flags.Refs.Imports[i]]; state.Kind == cache.KindCache && !state.TooLarge() {
			return from
		}
	}
	return ""
}

// unreached returns why a cache's registry could not be reached. It is empty if it answered or was not
// queried.
func (j *job) unreached(state cache.State) string {
	switch err := state.Unreached; {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return j.noAnswer(progress.AwaitsImport)
	default:
		return err.Error()
	}
}

// unread returns why a cache cannot be imported now, although BuildKit might try: its registry could not be
// reached, or throttled the query. It is empty otherwise.
func (j *job) unread(state cache.State) string {
	if state.Throttled != nil {
		return state.Throttled.Error()
	}
	return j.unreached(state)
}

// noteUnreached adds the caches that reachable left out to the outcome, as failed imports and export.
func (j *job) noteUnreached(built *outcome) {
	states := j.lookup.waitStates()
	for _, ref := range j.flags.Refs.Imports {
		if problem := j.unread(states[ref]); problem != "" {
			built.imports = append(built.imports, progress.Import{Ref: ref, Error: problem})
		}
	}
	if problem := j.unreached(states[j.flags.Refs.Export]); problem != "" && j.flags.To != "" {
		built.export = progress.Export{Attempted: true, Error: problem}
	}
}

// buildDespiteCache runs the build, and repeats it according to retryPolicy.
func (j *job) buildDespiteCache(ctx context.Context, plan cache.Flags) (outcome, error) {
	if err := j.keepStdin(ctx); err != nil {
		return outcome{}, err
	}
	earlier := j.budgetUsedUp(&plan)
	replaced := false
	for {
		built, err := j.callWithinBudget(ctx, plan)
		if err != nil {
			return outcome{}, err
		}
		if earlier != nil {
			built.add(*earlier)
		}
		s := j.situationOf(ctx, built, plan, replaced)
		if s.throttled != "" && nextStep(s) == repeatAfterWait && !j.awaitRegistry(ctx, s.throttled) {
			if err := stoppedBy(ctx); err != nil {
				return outcome{}, err
			}
			s.throttled = ""
		}
		switch nextStep(s) {
		case finish:
			return built, nil
		case repeatAfterWait:
			j.say("building again after the wait (%s)", escape.Line(verdict.Cause(s.throttled)))
			built.imports = slices.DeleteFunc(built.imports, func(attempt progress.Import) bool { return verdict.Throttled(attempt.Error) })
		case repeatOnNewBuilder:
			j.say("the builder ended unexpectedly (%s): building again on a new one", j.builder.failure())
			replaced = !errors.Is(j.builder.started.Failure(), jobbuilder.ErrEndedByBuild)
			err = j.replaceBuilder(ctx)
		case leaveStuckBuilder:
			j.say("%s: building on another builder", escape.Line(s.cause.String()))
			err = j.leaveBuilder(ctx)
		case repeatWithoutCache:
			j.say("%s: building again without it", escape.Line(s.cause.String()))
			s.cause.applyTo(&built, &plan)
		case repeatWithoutCacheOnNewBuilder:
			j.say("%s: building again without it", escape.Line(s.cause.String()))
			s.cause.applyTo(&built, &plan)
			j.builder.mayBeStuck = s.cause.waitedFor == progress.AwaitsImport && !j.builder.isReplaceable()
			err = j.replaceBuilder(ctx)
		}
		if err != nil {
			return outcome{}, err
		}
		earlier = &built
	}
}

// budgetUsedUp removes the cache from the plan if the sign-in used up the whole budget, and returns that as
// an outcome. It returns nil otherwise.
func (j *job) budgetUsedUp(plan *cache.Flags) *outcome {
	if !usesCache(*plan) || j.budget.left() > 0 {
		return nil
	}
	var none outcome
	for _, ref := range plan.Refs.Imports {
		none.imports = append(none.imports, progress.Import{Ref: ref})
	}
	failure := cacheFailure{refs: plan.Refs.Imports, waitedFor: progress.AwaitsImport, problem: j.noAnswer(progress.AwaitsImport)}
	for _, state := range j.lookup.waitStates() {
		if state.Throttled != nil {
			failure.problem = state.Throttled.Error()
		}
	}
	failure.applyTo(&none, plan)
	return &none
}

func usesCache(plan cache.Flags) bool { return len(plan.From) > 0 || plan.To != "" }

// keepStdin saves the input if buildx reads it, so that a second call can read it again, and a Dockerfile from
// the input can be copied. A signal ends it while the input is open and sends nothing; buildx would go on reading.
func (j *job) keepStdin(ctx context.Context) error {
	if !j.args.ReadsStdin() || j.Stdin == nil {
		return nil
	}
	return j.saveStdin(ctx)
}

func (j *job) saveStdin(ctx context.Context) error {
	file, err := os.Create(filepath.Join(j.dir, "stdin"))
	if err != nil {
		return fmt.Errorf("save the standard input: %w", err)
	}
	j.stdin = file
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(file, j.Stdin)
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("save the standard input: %w", err)
	}
	return nil
}
