package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheflags"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/verdict"
)

// trouble is what a cache did to a call of buildx that did not end well.
type trouble struct {
	// refs are the caches that could not be read; none where it is the export.
	refs []string
	// problem is BuildKit's error, or our own where the cache did not answer.
	problem string
	// silent is what was waited for in vain.
	silent progress.Awaited
}

// runDespiteCache runs the build, and runs it again without the cache where that made it fail or hang. It is the same builder
// where it can be: that keeps what was done, so that no step which came to an end runs twice.
func (s *session) runDespiteCache(ctx context.Context, request Request, args buildx.Args, plan cacheflags.Flags) (*result, error) {
	if err := s.keepStdin(request, args, plan); err != nil {
		return nil, err
	}
	var before *result
	renewed := false
	if asked(plan) && s.allowance.left() == 0 {
		before = &result{}
		for _, ref := range plan.Refs.Imports {
			before.imports = append(before.imports, progress.Import{Ref: ref})
		}
		before.leaveOut(trouble{refs: plan.Refs.Imports, silent: progress.AwaitsImport, problem: s.silence(progress.AwaitsImport)}, &plan)
	}
	for {
		r, err := s.run(ctx, request, args, plan)
		if err != nil {
			return nil, err
		}
		if before != nil {
			r.follows(before)
		}
		if s.lostBuilder(ctx, r) && !renewed {
			fmt.Fprintln(request.stderrOf(), "layercache: the builder was killed, by a lack of memory perhaps: building once more on another")
			if err := s.renewBuilder(ctx, request, args); err != nil {
				return nil, errors.Join(stoppedBy(ctx), err)
			}
			before, renewed = r, true
			continue
		}
		found, ok := s.troubleOf(ctx, r, plan)
		if !ok {
			return r, nil
		}
		if found.silent == awaitsBuilder {
			fmt.Fprintf(request.stderrOf(), "layercache: %s: building on another\n", escape.Line(found.String()))
			if args, err = s.leaveBuilder(ctx, request, args); err != nil {
				return nil, errors.Join(stoppedBy(ctx), err)
			}
			before = r
			continue
		}
		r.leaveOut(found, &plan)
		fmt.Fprintf(request.stderrOf(), "layercache: %s: building again without it\n", escape.Line(found.String()))
		if found.spoilsBuilder() {
			s.mayBeHeld = found.silent == progress.AwaitsImport && !s.renewable()
			if err := s.renewBuilder(ctx, request, args); err != nil {
				return nil, errors.Join(stoppedBy(ctx), err)
			}
		}
		before = r
	}
}

func asked(plan cacheflags.Flags) bool { return len(plan.From) > 0 || plan.To != "" }

// lostBuilder says that the builder is gone, and that this is why the build failed: no step of it did. What has ended is known
// a moment later.
func (s *session) lostBuilder(ctx context.Context, r *result) bool {
	if r.exitCode == 0 || r.stall.awaited != progress.AwaitsNothing || stoppedBy(ctx) != nil || s.builder == nil || len(r.graph.Failures()) > 0 {
		return false
	}
	for range 20 {
		if s.builder.Lost() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// keepStdin keeps a copy of what buildx is to read from this process's input, so that it can be read again.
func (s *session) keepStdin(request Request, args buildx.Args, plan cacheflags.Flags) error {
	if args.Context != "-" && args.Dockerfile != "-" || !asked(plan) || request.Stdin == nil {
		return nil
	}
	file, err := os.Create(filepath.Join(s.dir, "stdin"))
	if err != nil {
		return fmt.Errorf("keep a copy of the input: %w", err)
	}
	s.stdin = file
	if _, err := io.Copy(file, request.Stdin); err != nil {
		return fmt.Errorf("keep a copy of the input: %w", err)
	}
	return nil
}

// troubleOf finds out whether the cache is why the call did not end well. After a signal of ours nothing is tried again.
func (s *session) troubleOf(ctx context.Context, r *result, plan cacheflags.Flags) (trouble, bool) {
	switch {
	case r.exitCode == 0 || stoppedBy(ctx) != nil:
		return trouble{}, false
	case r.stall.awaited != progress.AwaitsNothing:
		return trouble{refs: r.stall.refs, silent: r.stall.awaited, problem: cmp.Or(r.stall.complaint, s.silence(r.stall.awaited))}, true
	case len(plan.From) == 0:
		return trouble{}, false
	}
	return blamed(r.graph, plan.Refs.Imports)
}

// silence is the error of a cache that was waited for in vain.
func (s *session) silence(awaited progress.Awaited) string {
	return fmt.Sprintf("%s: no answer, or hardly any, for %s in all", awaited, s.allowance.total)
}

// spoilsBuilder says that the same builder could not do better: it goes on waiting for the import that nobody waits for any
// more, or has taken in what it cannot read, of the base image's layers, too.
func (t trouble) spoilsBuilder() bool {
	return t.silent == progress.AwaitsImport || corrupt.MatchString(t.problem) || garbled.MatchString(t.problem)
}

func (t trouble) String() string {
	switch t.silent {
	case awaitsBuilder:
		return "the builder does nothing, as BuildKit cannot interrupt its reading of the cache"
	case progress.AwaitsImport, progress.AwaitsPull, progress.AwaitsExport:
		return "the cache cannot be waited for any longer (" + verdict.Cause(t.problem) + ")"
	}
	return fmt.Sprintf("the cache made the build fail (%s)", verdict.Cause(t.problem))
}

// leaveOut takes out of the flags what cannot work, and notes it in the result. A cache that answers can be written, which
// may well mend it.
func (r *result) leaveOut(found trouble, plan *cacheflags.Flags) {
	for i, attempt := range r.imports {
		if slices.Contains(found.refs, attempt.Ref) {
			r.imports[i].Error = found.problem
		}
	}
	plan.From = nil
	if found.silent != progress.AwaitsNothing {
		if plan.To != "" {
			r.export = progress.Export{Attempted: true, Error: found.problem}
		}
		plan.To = ""
	}
}

// follows adds what the call before did. A step that it ran, this one found in the builder.
func (r *result) follows(before *result) {
	for i, step := range r.steps {
		at := slices.IndexFunc(before.steps, func(other progress.Step) bool { return other.Ran && other.Error == "" && step.SameAs(other) })
		if at >= 0 && step.Cached {
			ran := before.steps[at]
			r.steps[i].Cached, r.steps[i].Ran, r.steps[i].Seconds, r.steps[i].Start = false, true, ran.Seconds, ran.Start
		}
	}
	r.imports = slices.Concat(before.imports, r.imports)
	r.timing.Import += before.timing.Import
	r.timing.Build += before.timing.Build
	r.timing.Push += before.timing.Push
	r.timing.Export += before.timing.Export
	r.activities = slices.Concat(before.activities, r.activities)
	if !r.export.Attempted {
		r.export = before.export
	}
	if r.frontend == "" {
		r.frontend = before.frontend
	}
}
