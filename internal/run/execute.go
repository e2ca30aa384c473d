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

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/verdict"
)

// nothingNewWait is how long a build waits for the answer whether there is something new to export. Without
// one it exports.
const nothingNewWait = 300 * time.Millisecond

// execute runs the build. If its inputs equal those that produced the cache, it builds without an export; if
// a step ran nevertheless, it exports the cache afterwards.
func (j *job) execute(ctx context.Context) (outcome, error) {
	plan, skipsExport := j.plan()
	built, err := j.buildDespiteCache(ctx, plan)
	if err != nil {
		return outcome{}, err
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
		begin := time.Now()
		built.export = j.exportOnly(ctx)
		built.exportSeconds = time.Since(begin).Seconds()
	}
	return built, nil
}

// plan returns the cache flags for the first call of buildx, and whether they omit the export because nothing
// is new.
func (j *job) plan() (plan cache.Flags, skipsExport bool) {
	plan = j.reachable()
	if !plan.InRegistry || plan.To == "" || j.Settings.Refresh {
		return plan, false
	}
	if known, ok := j.lookup.waitFor(nothingNewWait); ok && known.nothingNew() {
		plan.To = ""
		return plan, true
	}
	return plan, false
}

// reachable waits for the states of the caches, and returns the flags without the caches whose registry did
// not answer. BuildKit would wait for those forever: it can neither cancel an import nor run another build
// during one.
func (j *job) reachable() cache.Flags {
	begin := time.Now()
	states := j.lookup.waitStates()
	plan := j.flags
	plan.From = nil
	var problems []string
	for i, from := range j.flags.From {
		if problem := j.unreached(states[j.flags.Refs.Imports[i]]); problem != "" {
			problems = append(problems, verdict.Cause(problem))
			continue
		}
		plan.From = append(plan.From, from)
	}
	if first := firstCache(j.flags, states); first != "" {
		plan.From = []string{first}
	}
	if j.unreached(states[j.flags.Refs.Export]) != "" {
		plan.To = ""
	}
	if len(problems) > 0 {
		j.budget.spend(time.Since(begin))
		j.say("building without the cache: %s", escape.Line(strings.Join(slices.Compact(problems), "; ")))
	}
	return plan
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

// noteUnreached adds the caches that reachable left out to the outcome, as failed imports and export.
func (j *job) noteUnreached(built *outcome) {
	states := j.lookup.wait().states
	for _, ref := range j.flags.Refs.Imports {
		if problem := j.unreached(states[ref]); problem != "" {
			built.imports = append(built.imports, progress.Import{Ref: ref, Error: problem})
		}
	}
	if problem := j.unreached(states[j.flags.Refs.Export]); problem != "" && j.flags.To != "" {
		built.export = progress.Export{Attempted: true, Error: problem}
	}
}

// buildDespiteCache runs the build, and repeats it according to policy.
func (j *job) buildDespiteCache(ctx context.Context, plan cache.Flags) (outcome, error) {
	if err := j.keepStdin(plan); err != nil {
		return outcome{}, err
	}
	earlier := j.budgetUsedUp(&plan)
	replaced := false
	for {
		built, err := j.call(ctx, plan)
		if err != nil {
			return outcome{}, err
		}
		if earlier != nil {
			built.add(*earlier)
		}
		s := j.situationOf(ctx, built, plan, replaced)
		switch nextStep(s) {
		case finish:
			return built, nil
		case repeatOnNewBuilder:
			j.say("the builder ended unexpectedly (%s): building again on a new one", j.builder.failure())
			replaced = true
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
	failure.applyTo(&none, plan)
	return &none
}

func usesCache(plan cache.Flags) bool { return len(plan.From) > 0 || plan.To != "" }

// keepStdin saves the input if buildx reads it, so that a second call can read it again.
func (j *job) keepStdin(plan cache.Flags) error {
	if j.args.Context != "-" && j.args.Dockerfile != "-" || !usesCache(plan) || j.Stdin == nil {
		return nil
	}
	file, err := os.Create(filepath.Join(j.dir, "stdin"))
	if err != nil {
		return fmt.Errorf("save the standard input: %w", err)
	}
	j.stdin = file
	if _, err := io.Copy(file, j.Stdin); err != nil {
		return fmt.Errorf("save the standard input: %w", err)
	}
	return nil
}
