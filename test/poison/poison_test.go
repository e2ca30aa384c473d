//go:build linux

package poison

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

// TestNoAttemptChangesWhatAReleaseMakes makes each attempt, and shows of the guards that an attempt succeeds without them.
func TestNoAttemptChangesWhatAReleaseMakes(t *testing.T) {
	d := newDeployment(t)
	t.Run("the guards as they are synthesized", func(t *testing.T) {
		t.Parallel()
		d.guarded(t)
	})
	for _, guard := range guards {
		t.Run("without the guard: "+guard.name, func(t *testing.T) {
			t.Parallel()
			guard.run(d.newWorld(t, guard.widening))
		})
	}
}

// guarded makes every attempt, and a release after each.
func (d deployment) guarded(t *testing.T) {
	w := d.newWorld(t, "")
	// The attacker comes first: the pull-through cache refuses to create the base image's repository, and the image comes from its upstream.
	w.firstPull()
	made := w.uncached(first, second)
	w.begin()
	require.Equal(t, made[first], w.released("latest"))
	for _, attempt := range attempts {
		t.Run(attempt.name, func(t *testing.T) {
			w.t = t
			before := w.digest(w.tag)
			attempt.run(w)
			assert.Equal(t, before, w.digest(w.tag), "the release's cache is what it was")
			verdict := map[string]string{first: "used", second: "partly-used"}[attempt.next]
			got := w.releases(attempt.next)
			assert.Equal(t, made[attempt.next], w.released("latest"), "the image is the one that is built without a cache\n%s", got.log)
			assert.Equal(t, verdict, got.Verdict, got.log)
		})
	}
	w.t = t
	assert.Empty(t, w.asked(w.release, w.prCache), "no release has asked for anything in the cache of pull requests")
	_, err := remote.Get(w.ref(w.prCache, w.tag), w.as(w.release)...)
	require.ErrorContains(t, err, "is not authorized to perform: ecr:BatchGetImage", "nor may it")
}

// uncached is what each of the sources makes when it is built without a cache.
func (w *world) uncached(sources ...string) map[string]string {
	w.t.Helper()
	made := map[string]string{}
	for _, text := range sources {
		w.releases(text, "LAYERCACHE_MODE", variables.ModeOff, "LAYERCACHE_TAGS", "uncached")
		made[text] = w.released("uncached")
	}
	return made
}

// begin makes the first release, which writes the cache that is attacked.
func (w *world) begin() {
	w.t.Helper()
	got := w.releases(first)
	require.Equal(w.t, "cold", got.Verdict, got.log)
	require.Equal(w.t, "yes", got.Exported, got.log)
	_, w.tag, _ = strings.Cut(got.Refs.Export, ":")
}
