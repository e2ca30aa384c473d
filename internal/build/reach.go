package build

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheflags"
	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/verdict"
)

// reachable waits until the registries have told what the caches are, and leaves out of the flags those that could not be
// asked. BuildKit would wait for them without an end: it cannot interrupt an import, nor go on with another build meanwhile.
func (s *session) reachable(request Request, cache cacheflags.Flags, known *memory) cacheflags.Flags {
	begin := time.Now()
	<-known.probed
	plan := cache
	plan.From = nil
	var problems []string
	for i, from := range cache.From {
		if problem := s.unreached(cache.Refs.Imports[i], known); problem != "" {
			problems = append(problems, verdict.Cause(problem))
			continue
		}
		plan.From = append(plan.From, from)
	}
	if first := firstCache(cache, known); first != "" {
		plan.From = []string{first}
	}
	if s.unreached(cache.Refs.Export, known) != "" {
		plan.To = ""
	}
	if len(problems) > 0 {
		s.allowance.spend(time.Since(begin))
		fmt.Fprintf(request.stderrOf(), "layercache: building without the cache: %s\n", strings.Join(slices.Compact(problems), "; "))
	}
	return plan
}

// firstCache is the flag of the first ref that holds a cache; empty where the registry told of none. BuildKit that is given
// two caches takes, of a step that both know, the one that answers first, and then misses what only the other has after it:
// an unchanged build on a branch was found to miss its own cache at random beside the default branch's.
//
// https://github.com/moby/buildkit/issues/6418
func firstCache(cache cacheflags.Flags, known *memory) string {
	for i, from := range cache.From {
		if state := known.states[cache.Refs.Imports[i]]; state.Kind == cachestate.Cache && !state.TooLarge() {
			return from
		}
	}
	return ""
}

// unreached is why a cache could not be asked for; empty where it was not tried, too.
func (s *session) unreached(ref string, known *memory) string {
	problem := known.states[ref].Unreached
	if strings.Contains(problem, context.DeadlineExceeded.Error()) {
		return s.silence(progress.AwaitsImport)
	}
	return problem
}

// noteUnreached adds to the result what reachable left out.
func (s *session) noteUnreached(r *result, cache cacheflags.Flags, known *memory) {
	for _, ref := range cache.Refs.Imports {
		if problem := s.unreached(ref, known); problem != "" {
			r.imports = append(r.imports, progress.Import{Ref: ref, Error: problem})
		}
	}
	if problem := s.unreached(cache.Refs.Export, known); problem != "" && cache.To != "" {
		r.export = progress.Export{Attempted: true, Error: problem}
	}
}

// renewable says that the builder is one that was made for this build.
func (s *session) renewable() bool { return s.builder != nil && s.freshBuilder() }

// renewBuilder starts a builder in place of one that an import keeps from going on. One that is not ours stays.
func (s *session) renewBuilder(ctx context.Context, request Request, args buildx.Args) error {
	if !s.renewable() {
		return nil
	}
	s.builder.Kill()
	if err := s.builder.Close(); err != nil {
		s.warn("the builder left something behind: %v", err)
	}
	env := s.env
	s.builder = nil
	err := s.startBuilder(ctx, request, args)
	s.env = env
	return err
}
