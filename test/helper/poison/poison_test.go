//go:build linux

package poison

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

// TestNoAttemptChangesWhatAReleaseMakes makes each attempt. It also shows that an attempt succeeds without
// each of the guards.
func TestNoAttemptChangesWhatAReleaseMakes(t *testing.T) {
	d := newEnvironment(t)
	t.Run("the roles decide nothing else about what a deployment takes", d.decides)
	t.Run("with all guards", func(t *testing.T) {
		t.Parallel()
		d.guarded(t)
	})
	for _, guard := range slices.Concat(deploymentGuards, guards) {
		t.Run("without the guard: "+guard.name, func(t *testing.T) {
			t.Parallel()
			guard.run(d.start(t, guard.widening))
		})
	}
}

// guarded makes every attempt, and builds a release after each.
func (d environment) guarded(t *testing.T) {
	w := d.start(t, "")
	// The attacker builds first. The pull-through cache refuses to create the base image's repository, and
	// the image comes from its upstream.
	w.firstPull()
	made := w.uncached(first, second, third, fourth)
	w.begin()
	require.Equal(t, made[first], w.released("latest"))
	for _, attempt := range slices.Concat(deploymentAttempts, attempts) {
		t.Run(attempt.name, func(t *testing.T) {
			w.t = t
			before := w.digest(w.tag)
			attempt.run(w)
			assert.Equal(t, before, w.digest(w.tag), "the release's cache must not change")
			verdict := map[bool]string{true: "used", false: "partly-used"}[attempt.next == first]
			got := w.releases(attempt.next)
			assert.Equal(t, made[attempt.next], w.released("latest"), "the image must equal the one built without a cache\n%s", got.log)
			assert.Equal(t, verdict, got.Verdict, got.log)
		})
	}
	w.t = t
	tag := w.ownBuild()
	got := w.releases(first, "LAYERCACHE_TAGS", "latest,"+tag)
	assert.Equal(t, taken{got.Image, tag}, w.deploys(), "the next deployment takes the image that its own build pushed")
	assert.Equal(t, made[first], w.released("latest"))
	assert.Empty(t, w.requests(w.release, w.prCache), "no release may send a request to the cache of pull requests")
	_, err := remote.Get(w.ref(w.prCache, w.tag), w.as(w.release)...)
	require.ErrorContains(t, err, "is not authorized to perform: ecr:BatchGetImage", "releases have no permission to read it")
}

// uncached returns the digest of the image that each of the sources gives without a cache.
func (w *running) uncached(sources ...string) map[string]string {
	w.t.Helper()
	made := map[string]string{}
	for _, text := range sources {
		w.releases(text, "LAYERCACHE_MODE", variables.ModeOff, "LAYERCACHE_TAGS", "uncached")
		made[text] = w.released("uncached")
	}
	return made
}

// begin builds the first release, which writes the cache that the attempts attack.
func (w *running) begin() {
	w.t.Helper()
	got := w.releases(first)
	require.Equal(w.t, "cold", got.Verdict, got.log)
	require.Equal(w.t, "yes", got.Exported, got.log)
	_, w.tag, _ = strings.Cut(got.Refs.Export, ":")
}
