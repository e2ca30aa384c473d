package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/policy"
)

// changes builds after a change of the source.
func (w *machine) changes(n int) outcome {
	w.t.Helper()
	w.write("src/main.txt", fmt.Sprintf("version %d\n", n))
	return w.succeeds(w.build())
}

func (w *machine) mainCache() string { return w.registry.Addr() + "/cache:shop--linux-amd64--main" }

// remember gives the record of the default branch a history of builds that took minutes, so that what is chosen does not
// depend on the speed of this machine.
func (w *machine) remember(builds ...policy.Build) {
	w.t.Helper()
	store := cache.RecordInRegistry(cache.RecordRef(w.mainCache()), authn.DefaultKeychain)
	record, err := store.Load(w.t.Context())
	require.NoError(w.t, err)
	require.NotNil(w.t, record)
	var h policy.History
	for range 4 {
		for _, b := range builds {
			h = h.Add(b)
		}
	}
	record.Policy = &h
	require.NoError(w.t, store.Save(w.t.Context(), record))
}

func took(choice policy.Choice, all, final, none float64) policy.Build {
	return policy.Build{Choice: choice, Times: map[policy.Choice]policy.Time{
		policy.All: {Seconds: all, Runs: true}, policy.Final: {Seconds: final, Runs: true}, policy.None: {Seconds: none, Runs: true},
	}}
}

// The default branch gives a cache up that does not pay, the other branches follow, and it comes back when it pays again.
func TestActingOnACacheThatDoesNotPay(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_POLICY"] = "act"
	got := w.changes(1)
	assert.Equal(t, "all", got.Policy.Choice)
	assert.Contains(t, got.Policy.Reason, "no build has shown yet")

	t.Log("before the cache is given up, a build without it shows how long the push takes; the cache stays")
	w.remember(took(policy.All, 300, 300, 100))
	got = w.changes(2)
	assert.Equal(t, "none", got.Policy.Choice, got.Policy.Reason)
	assert.True(t, got.Policy.Trial)
	assert.Equal(t, []string{"off", "off"}, []string{got.Verdict, got.Exported})
	assert.ElementsMatch(t, everyStep, got.ran())
	assert.Greater(t, len(w.layers(w.mainCache())), 1)

	got = w.changes(3)
	assert.Equal(t, "none", got.Policy.Choice, got.Policy.Reason)
	assert.False(t, got.Policy.Trial)
	assert.Contains(t, got.VerdictReason, "no cache was used, by choice (LAYERCACHE_POLICY=act): steps, import, export and push take ")
	assert.Contains(t, got.log, "layercache: cache policy: no cache: steps, import, export and push take ")
	assert.Empty(t, got.Warnings)
	assert.Equal(t, 1, len(w.layers(w.mainCache())), "the cache is replaced by an empty one")

	t.Log("another branch, which may not write, and one that may")
	before := w.tags("cache")
	w.env["LAYERCACHE_BRANCH"], w.env["LAYERCACHE_WRITE"] = "fix", "false"
	assert.Equal(t, "none", w.changes(4).Policy.Choice)
	delete(w.env, "LAYERCACHE_WRITE")
	assert.Equal(t, "none", w.changes(5).Policy.Choice)
	assert.Equal(t, before, w.tags("cache"), "a branch writes nothing if the default branch chose no cache")
	w.env["LAYERCACHE_BRANCH"] = "main"

	t.Log("a helper that does not act finds no cache, without an error")
	delete(w.env, "LAYERCACHE_POLICY")
	w.env["LAYERCACHE_WRITE"] = "false"
	advised := w.changes(6)
	assert.Nil(t, advised.Policy)
	assert.Equal(t, "cold", advised.Verdict)
	assert.Contains(t, advised.VerdictReason, "earlier builds chose to use none")
	assert.NotRegexp(t, troubled, advised.log)
	w.env["LAYERCACHE_POLICY"] = "act"
	delete(w.env, "LAYERCACHE_WRITE")

	t.Log("the cache pays again")
	w.remember(took(policy.None, 10, 90, 100))
	got = w.changes(7)
	assert.Equal(t, "all", got.Policy.Choice, got.Policy.Reason)
	assert.False(t, got.Policy.Trial)
	assert.Equal(t, []string{"cold", "yes"}, []string{got.Verdict, got.Exported})
	assert.Contains(t, got.VerdictReason, "there is no cache, because earlier builds chose to use none")
	assert.Equal(t, "partly-used", w.changes(8).Verdict)
	same := w.succeeds(w.build())
	assert.Equal(t, []string{"used", "unchanged"}, []string{same.Verdict, same.Exported})
}

func TestActingWithTheLastStageOnly(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_POLICY"] = "act"
	w.changes(1)
	w.remember(took(policy.All, 100, 50, 90))
	first := w.changes(2)
	assert.Equal(t, "final", first.Policy.Choice, first.Policy.Reason)
	assert.ElementsMatch(t, []string{sources, compile, last}, first.ran(), "it reads the cache of all layers")
	assert.Equal(t, "yes", first.Exported)
	second := w.changes(3)
	assert.Equal(t, "final", second.Policy.Choice, second.Policy.Reason)
	assert.ElementsMatch(t, []string{sources, compile, last}, second.ran(), "BuildKit keeps the layers of other stages that it has imported")
	w.write("deps.txt", "right-pad\n")
	w.changes(4)
	assert.Contains(t, w.changes(5).ran(), installed, "new layers of other stages are not written")
	same := w.succeeds(w.build())
	assert.Equal(t, []string{"used", "unchanged"}, []string{same.Verdict, same.Exported})
}

func TestActingWithoutAUsableRecordIsAsAdvising(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.env["LAYERCACHE_POLICY"] = "act"
	w.changes(1)
	w.remember(took(policy.All, 300, 300, 100))
	record, err := name.ParseReference(cache.RecordRef(w.mainCache()))
	require.NoError(t, err)
	require.NoError(t, remote.Write(record, empty.Image))
	damaged := w.changes(2)
	assert.Equal(t, "all", damaged.Policy.Choice)
	assert.Contains(t, damaged.Policy.Reason, "no build has shown yet")
	assert.Equal(t, []string{"partly-used", "yes"}, []string{damaged.Verdict, damaged.Exported})
}

// BuildKit reads the empty cache as one, so a helper or a buildx that does not know its annotation imports it.
func TestBuildKitImportsAnEmptyCache(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	require.NoError(t, cache.Clear(t.Context(), w.mainCache(), authn.DefaultKeychain))
	w.env["LAYERCACHE_MODE"] = "off"
	built := w.succeeds(w.build("--cache-from", "type=registry,ref="+w.mainCache()))
	assert.Contains(t, built.log, "importing cache manifest from "+w.mainCache())
	assert.NotRegexp(t, troubled, built.log)
	assert.ElementsMatch(t, everyStep, built.ran())
}
