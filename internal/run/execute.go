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

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/report/escape"
)

// nothingNewWait is how long a build waits for the answer whether there is something new to export. Without
// one it exports.
const nothingNewWait = 200 * time.Millisecond

// execute runs the build. If its inputs equal those that produced the cache, it builds without an export; if
// a step ran nevertheless, it exports the cache afterwards.
func (b *build) execute(ctx context.Context) (outcome, error) {
	plan, skipsExport := b.plan(ctx)
	built, err := b.buildDespiteCache(ctx, plan)
	if err != nil {
		return outcome{}, err
	}
	if built.exitCode == 0 && b.args.PrintsID() {
		fmt.Fprintln(b.Stdout, built.image.id)
	}
	b.noteUnreached(&built)
	ranStep := slices.ContainsFunc(built.steps, func(step progress.Step) bool { return step.Ran && !step.IsFrom() })
	switch {
	case !skipsExport || built.exitCode != 0:
	case !ranStep:
		built.unchanged = true
	case b.budget.left() == 0:
		built.export = progress.Export{Attempted: true, Error: errortext.NoAnswer}
	default:
		b.exportOnly(ctx, "because a step had to run", &built)
	}
	b.exportAfterThrottling(ctx, &built)
	return built, nil
}

// plan returns the cache flags for the first call of buildx, and whether they omit the export because nothing
// is new.
func (b *build) plan(ctx context.Context) (plan cache.Flags, skipsExport bool) {
	b.act()
	plan, problems := b.dropUnreachableCaches(ctx)
	if len(problems) > 0 {
		b.say("building without the cache: %s", escape.Line(strings.Join(problems, "; ")))
	}
	return b.skipExportIfUnchanged(plan, nothingNewWait)
}

// skipExportIfUnchanged returns the flags without the export if the inputs equal those of the cache at Refs.Export. It
// waits at most wait for the inputs, and reports whether it left the export out.
func (b *build) skipExportIfUnchanged(plan cache.Flags, wait time.Duration) (_ cache.Flags, skipsExport bool) {
	if !plan.InRegistry || plan.To == "" || b.Settings.Refresh {
		return plan, false
	}
	known, ok := b.query.waitFor(wait)
	known.flags = b.flags
	switch {
	case ok && known.nothingNew():
		plan.To = ""
		return plan, true
	case ok && known.lacksStages():
		plan.From, b.addsStages = nil, true
	}
	return plan, false
}

// dropUnreachableCaches returns the flags without caches that do not exist or cannot be read now, and why. BuildKit would
// show an error for the first kind and wait forever for the second: it can neither cancel an import nor run another build
// during one.
func (b *build) dropUnreachableCaches(ctx context.Context) (plan cache.Flags, problems []string) {
	begin := time.Now()
	states := b.query.waitStates()
	plan = b.flags
	plan.From = nil
	for i, from := range b.flags.From {
		ref := b.flags.Refs.Imports[i]
		state := states[ref]
		if problem := b.importProblem(state); problem != "" {
			cause, _ := b.signIn.failures.Explain(ref, problem)
			problems = append(problems, cause)
		} else if !state.IsAbsent() {
			plan.From = append(plan.From, from)
		}
	}
	if first := firstCache(b.flags, states); first != "" {
		plan.From = []string{first}
	}
	if b.unreachableReason(states[b.flags.Refs.Export]) != "" {
		plan.To = ""
	}
	// Waits for a registry that throttles count even if they were over before the builder was ready.
	throttled := throttle.FromContext(ctx).Total()
	b.budget.spend(throttled)
	if len(problems) > 0 {
		b.budget.spend(max(0, time.Since(begin)-throttled))
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

// unreachableReason returns why a cache's registry could not be reached. It is empty if it answered or was not
// queried.
func (b *build) unreachableReason(state cache.State) string {
	switch err := state.Unreached; {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return errortext.NoAnswer
	default:
		return err.Error()
	}
}

// importProblem returns why a cache cannot be imported now, although BuildKit might try: its registry could not be
// reached, or throttled the query. It is empty otherwise.
func (b *build) importProblem(state cache.State) string {
	if state.Throttled != nil {
		return state.Throttled.Error()
	}
	return b.unreachableReason(state)
}

// noteUnreached adds the caches that dropUnreachableCaches left out to the outcome, as failed imports and export.
func (b *build) noteUnreached(built *outcome) {
	states := b.query.waitStates()
	for _, ref := range b.flags.Refs.Imports {
		if problem := b.importProblem(states[ref]); problem != "" {
			built.imports = append(built.imports, progress.Import{Ref: ref, Error: problem})
		}
	}
	if problem := b.unreachableReason(states[b.flags.Refs.Export]); problem != "" && b.flags.To != "" {
		built.export = progress.Export{Attempted: true, Error: problem}
	}
}

// buildDespiteCache runs the build, and repeats it according to retryPolicy.
func (b *build) buildDespiteCache(ctx context.Context, plan cache.Flags) (outcome, error) {
	if err := b.keepStdin(ctx); err != nil {
		return outcome{}, err
	}
	earlier := b.budgetUsedUp(&plan)
	for {
		built, err := b.callWithinBudget(ctx, plan)
		if err != nil {
			return outcome{}, err
		}
		if earlier != nil {
			built.add(*earlier)
		}
		s := b.situationOf(ctx, built, plan)
		again, err := b.prepareRetry(ctx, s, retryActions{
			dropThrottled: func() { built.dropThrottledImports() },
			dropCache: func() {
				b.say("%s: building again without it", escape.Line(s.cause.String()))
				s.cause.applyTo(&built, &plan)
			},
			leaveBuilder: func() error {
				b.say("%s: building on another builder", escape.Line(s.cause.String()))
				return b.leaveBuilder(ctx)
			},
		})
		if !again {
			return built, err
		}
		earlier = &built
	}
}

// budgetUsedUp removes the cache from the plan if the sign-in used up the whole budget, and returns that as
// an outcome. It returns nil otherwise.
func (b *build) budgetUsedUp(plan *cache.Flags) *outcome {
	if !usesCache(*plan) || b.budget.left() > 0 {
		return nil
	}
	var none outcome
	for _, ref := range plan.Refs.Imports {
		none.imports = append(none.imports, progress.Import{Ref: ref})
	}
	failure := cacheFailure{refs: plan.Refs.Imports, awaited: progress.AwaitsImport, problem: errortext.NoAnswer}
	for _, state := range b.query.waitStates() {
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
func (b *build) keepStdin(ctx context.Context) error {
	if !b.args.ReadsStdin() || b.Stdin == nil {
		return nil
	}
	return b.saveStdin(ctx)
}

func (b *build) saveStdin(ctx context.Context) error {
	file, err := os.Create(filepath.Join(b.dir, "stdin"))
	if err != nil {
		return fmt.Errorf("save the standard input: %w", err)
	}
	b.stdin = file
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(file, b.Stdin)
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
