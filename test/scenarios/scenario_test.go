package scenarios

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/verdict"
)

// scenario is a build, a change, and the build again on a fresh builder.
type scenario struct {
	// name is a short sentence.
	name string
	// files are the application's, by path.
	files files
	// args are arguments of `docker buildx build`, each of the form --NAME=VALUE.
	args []string
	// env are LAYERCACHE_* variables.
	env map[string]string
	// prepare is done before the first build, change between the two.
	prepare, change func(*world)
	// caches are what the second build is to read, below the registry's address. Default: the host platform's of the branch main.
	caches []string
	// cause is a part of the reason that the report gives for a step that had to run; empty where the right answer is not
	// evident from outside.
	cause string
	// rescued says that BuildKit fails the build for what the cache lacks: the helper builds again without it.
	rescued bool
}

type files map[string]string

// mainCache is the cache of the branch main for this machine's platform.
var mainCache = "cache:shop--linux-" + runtime.GOARCH + "--main"

// compare runs the scenarios, each on a registry of its own.
func compare(t *testing.T, scenarios []scenario) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(newWorld(t))
		})
	}
}

func (s scenario) run(w *world) {
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
	beginning := len(w.registry.Log())
	want := w.truth(refs)
	truly := fetchedIn(w.registry.Log()[beginning:], held)
	expected := want.verdict(held)
	if s.rescued {
		assert.True(w.t, want.failed, "buildctl could build with this cache:\n%s", want.log)
		want, expected = w.truth(nil), verdict.ImportFailed
	}
	beginning = len(w.registry.Log())
	got := w.build()
	fetched := fetchedIn(w.registry.Log()[beginning:], held)

	sides := func() string { return "buildctl: " + want.told() + "\nthe helper: " + told(got) }
	hits, counted := want.steps()
	assert.Equal(w.t, refs, got.Refs.Imports, "the caches that were read")
	assert.Equal(w.t, want.failed, got.ExitCode != 0, "whether the build failed; buildctl said:\n%s", want.log)
	assert.Equal(w.t, expected, got.Verdict, "verdict\n%s", sides())
	if counted == 0 {
		assert.Nil(w.t, got.HitRatio, "hit ratio\n%s", sides())
	} else if assert.NotNil(w.t, got.HitRatio, "hit ratio\n%s", sides()) {
		assert.InDelta(w.t, float64(hits)/float64(counted), *got.HitRatio, 1e-9, "hit ratio\n%s", sides())
	}
	// A step's content may be looked at while its definition is still being compared: then BuildKit fetches layers more.
	assert.True(w.t, within(truly, fetched) || within(fetched, truly), "what was fetched of the caches: by buildctl %q, by the helper %q\n%s",
		truly, fetched, sides())
	if !s.rescued {
		checkAgainstLog(w.t, got, held, fetched)
	}
	s.checkCause(w.t, got)
}

// refs are the caches with the registry's address.
func (s scenario) refs(w *world) []string {
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

// checkAgainstLog compares the verdict with what was fetched while the helper built.
func checkAgainstLog(t *testing.T, got *report.Report, held []holding, fetched []string) {
	read := slices.ContainsFunc(held, func(h holding) bool { return slices.Contains(fetched, h.config) })
	switch got.Verdict {
	case verdict.Used, verdict.PartlyUsed:
		assert.True(t, read, "steps were cached, and no cache was read; fetched: %q", fetched)
	case verdict.ImportFailed:
		assert.False(t, read, "the cache was read; fetched: %q", fetched)
	case verdict.Cold, verdict.Overwritten:
		for _, h := range held {
			for _, layer := range h.layers {
				assert.NotContains(t, fetched, layer, "nothing was used of the cache, and a layer of it was fetched")
			}
		}
	}
}

// checkCause compares what the report says of the first steps that had to run.
func (s scenario) checkCause(t *testing.T, got *report.Report) {
	if s.cause == "" {
		return
	}
	said := []string{got.VerdictReason}
	for _, miss := range got.Misses {
		said = append(said, miss.Cause)
	}
	assert.Contains(t, strings.Join(said, "\n"), s.cause, "why steps had to run")
}

// within says that all of the digests are among the others, and that at least the cache itself was read by both or by neither.
func within(digests, others []string) bool {
	return (len(digests) == 0) == (len(others) == 0) &&
		!slices.ContainsFunc(digests, func(digest string) bool { return !slices.Contains(others, digest) })
}

// told is the helper's side of a failure's message.
func told(r *report.Report) string {
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
