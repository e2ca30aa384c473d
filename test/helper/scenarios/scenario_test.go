package scenarios

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/test/kit/programs"
)

// scenario is a build, a change, and a second build on a fresh builder.
type scenario struct {
	name string
	// files are the application's files by path.
	files files
	// args are arguments of `docker buildx build`, each of the form --NAME=VALUE.
	args []string
	// env are LAYERCACHE_* variables.
	env map[string]string
	// prepare runs before the first build, change between the two builds.
	prepare, change func(*machine)
	// caches are the refs that the second build must read, without the registry's address. The default is the
	// cache of the branch main for the host's platform.
	caches []string
	// cause is a part of the reason that the report must give for a step that ran. It is empty if the test
	// cannot know the reason.
	cause string
	// ignores means that the build ignores its caches: buildctl fetches layers nevertheless, for its export.
	ignores bool
	// rescued means that BuildKit fails because parts of the cache are missing, and that the helper repeats
	// the build without the cache.
	rescued bool
}

type files map[string]string

// mainCache is the cache of the branch main for the host's platform.
var mainCache = "cache:shop--linux-" + runtime.GOARCH + "--main"

// compare runs the scenarios, each with its own registry. Every second one runs with the buildx of CodeBuild's
// images, so that both are tested in the time of one.
func compare(t *testing.T, scenarios []scenario) {
	for i, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			if i%2 == 1 {
				require.NoError(t, programs.UseCodeBuildBuildx(w.tmp))
			}
			s.run(w)
		})
	}
}

func (s scenario) run(w *machine) {
	for path, content := range s.files {
		w.write(path, content)
	}
	maps.Copy(w.env, s.env)
	w.args = s.args
	if s.prepare != nil {
		s.prepare(w)
	}
	w.build()
	if s.change != nil {
		s.change(w)
	}

	refs := s.refs(w)
	held := w.holdings(refs)
	start := len(w.registry.Log())
	want := w.truth(refs)
	wantFetched := fetchedIn(w.registry.Log()[start:], held)
	wantVerdict := want.verdict(held)
	if s.rescued {
		assert.True(w.t, want.failed, "buildctl must fail with this cache:\n%s", want.log)
		want, wantVerdict = w.truth(nil), verdict.ImportFailed
	}
	start = len(w.registry.Log())
	got := w.build()
	fetched := fetchedIn(w.registry.Log()[start:], held)

	sides := func() string { return "buildctl: " + want.summary() + "\nthe helper: " + summary(got) }
	hits, counted := want.steps()
	assert.Equal(w.t, refs, got.Refs.Imports, "the refs that the helper imports")
	assert.Equal(w.t, want.failed, got.ExitCode != 0, "whether the build failed; log of buildctl:\n%s", want.log)
	assert.Equal(w.t, wantVerdict, got.Verdict, "verdict\n%s", sides())
	if counted == 0 {
		assert.Nil(w.t, got.HitRatio, "hit ratio\n%s", sides())
	} else if assert.NotNil(w.t, got.HitRatio, "hit ratio\n%s", sides()) {
		assert.InDelta(w.t, float64(hits)/float64(counted), *got.HitRatio, 1e-9, "hit ratio\n%s", sides())
	}
	// BuildKit may check a step's content while it still compares the step's definition, and then fetches
	// more layers.
	assert.True(w.t, s.ignores || within(wantFetched, fetched) || within(fetched, wantFetched), "fetched from the caches: by buildctl %q, by the helper %q\n%s",
		wantFetched, fetched, sides())
	if !s.rescued {
		checkAgainstLog(w.t, got, held, fetched)
	}
	s.checkCause(w.t, got)
}

// refs returns the caches with the registry's address.
func (s scenario) refs(w *machine) []string {
	caches := s.caches
	if caches == nil {
		caches = []string{mainCache}
	}
	var refs []string
	for _, cache := range caches {
		refs = append(refs, w.registry.Addr()+"/"+cache)
	}
	return refs
}

// checkAgainstLog compares the verdict with the digests that were fetched during the helper's build.
func checkAgainstLog(t *testing.T, got *report.Report, held []holding, fetched []string) {
	read := slices.ContainsFunc(held, func(h holding) bool { return slices.Contains(fetched, h.config) })
	switch got.Verdict {
	case verdict.Used, verdict.PartlyUsed:
		assert.True(t, read, "steps were cached, but no cache was fetched; fetched: %q", fetched)
	case verdict.ImportFailed:
		assert.False(t, read, "the import failed, but a cache was fetched: %q", fetched)
	case verdict.Cold, verdict.Overwritten:
		for _, h := range held {
			for _, layer := range h.layers {
				assert.NotContains(t, fetched, layer, "the cache was not used, but one of its layers was fetched")
			}
		}
	}
}

// checkCause checks the reasons that the report gives for the first steps that ran.
func (s scenario) checkCause(t *testing.T, got *report.Report) {
	if s.cause == "" {
		return
	}
	reasons := []string{got.VerdictReason}
	for _, miss := range got.Misses {
		reasons = append(reasons, miss.Cause)
	}
	assert.Contains(t, strings.Join(reasons, "\n"), s.cause, "the reasons why steps ran")
}

// within reports whether others contains all of the digests, and whether either both or neither are empty.
func within(digests, others []string) bool {
	return (len(digests) == 0) == (len(others) == 0) &&
		!slices.ContainsFunc(digests, func(digest string) bool { return !slices.Contains(others, digest) })
}

// summary returns the helper's results for a failure message.
func summary(r *report.Report) string {
	var lines []string
	for _, step := range r.Steps {
		state := "ran"
		if step.Cached {
			state = "cached"
		}
		lines = append(lines, "  "+state+" ["+strings.TrimSpace(step.Platform+" "+step.Stage)+"] "+step.Instruction)
	}
	return r.VerdictReason + "\n" + strings.Join(append(lines, r.Warnings...), "\n")
}
