package main

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/test/kit/checkout"
)

func TestThePageHasTheTablesOfSeedOne(t *testing.T) {
	page, err := fs.ReadFile(checkout.FS(), "docs/evidence/scale.md")
	require.NoError(t, err)
	filled, err := fill(string(page), tables(1))
	require.NoError(t, err)
	assert.Equal(t, string(page), filled, "run `go -C test run ./speed/simulation`")
}

func TestDurationsEqualThoseOfTheBenchmark(t *testing.T) {
	content, err := fs.ReadFile(checkout.FS(), "docs/evidence/benchmark.json")
	require.NoError(t, err)
	var benchmark struct {
		Measurements []struct {
			Network, Workload, Phase, Flow string
			Run                            int
			Seconds                        float64
		}
	}
	require.NoError(t, json.Unmarshal(content, &benchmark))
	median := func(phase, flow string) float64 {
		var seconds []float64
		first := -1
		for _, m := range benchmark.Measurements {
			if m.Network != "loopback" || m.Workload != "app" || m.Phase != phase || m.Flow != flow {
				continue
			}
			if first < 0 {
				first = m.Run
			}
			if m.Run == first {
				seconds = append(seconds, m.Seconds)
			}
		}
		require.NotEmpty(t, seconds, "%s, %s", phase, flow)
		slices.Sort(seconds)
		return (seconds[(len(seconds)-1)/2] + seconds[len(seconds)/2]) / 2
	}
	for phase, change := range map[string]change{"cold": everything, "unchanged": nothing, "source": source} {
		assert.InDelta(t, median(phase, "layercache"), withCache[change], 0.05, phase)
	}
	assert.InDelta(t, median("cold", "none"), withoutCache, 0.05)
}

func TestTheSeedDeterminesTheResult(t *testing.T) {
	f := fleet{buildsPerDay: 500, apps: 5}
	assert.Equal(t, simulateFleet(7, f, goMounts, withMounts()), simulateFleet(7, f, goMounts, withMounts()))
	assert.NotEqual(t, simulateFleet(7, f, goMounts, withMounts()), simulateFleet(8, f, goMounts, withMounts()))
}

func TestTheRulesEqualThoseOfTheConstructs(t *testing.T) {
	days := map[lifecycle.TagStatus]float64{}
	for _, rule := range *lifecycle.CacheRules() {
		days[rule.TagStatus] = *rule.MaxDaysSincePush
	}
	assert.Equal(t, map[lifecycle.TagStatus]float64{
		lifecycle.Untagged: defaultRules.untagged, lifecycle.Tagged: defaultRules.record, lifecycle.Any: defaultRules.cache,
	}, days)
}

func TestDrawnNumbersHaveTheExpectedMeans(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const branches = 100_000
	commits := 0
	for range branches {
		commits += usual.commitsOf(random)
	}
	assert.InDelta(t, usual.commits, float64(commits)/branches, 0.05)
	builds := usual.appBuilds(random, 50, 400)
	assert.InDelta(t, 50, float64(len(builds))/400, 2)
}

func TestEveryRequestOfADayIsCounted(t *testing.T) {
	share := map[kind]float64{{mainBranch, source}: 0.5, {later, nothing}: 0.5}
	day := simulateDay(rand.New(rand.NewPCG(1, 1)), 1000, share, perBuild, appSizes, withCache)
	assert.Equal(t, 1000*signIns, day.total[getToken])
	one, other := perBuild[kind{mainBranch, source}], perBuild[kind{later, nothing}]
	sourceBuilds := (day.total[putImage] - 1000*other[putImage]) / (one[putImage] - other[putImage])
	for _, a := range actions {
		assert.Equal(t, sourceBuilds*one[a]+(1000-sourceBuilds)*other[a], day.total[a], a)
		assert.LessOrEqual(t, day.minute[a], day.second[a], a)
	}
}

func TestStorageIsBoundedByTheRules(t *testing.T) {
	r := newRepository(appSizes, goMounts, defaultRules)
	for _, b := range usual.appBuilds(rand.New(rand.NewPCG(1, 1)), 20, 100) {
		r.build(b)
	}
	r.expire(100)
	for _, m := range r.untagged {
		assert.GreaterOrEqual(t, m.pushed, 100-defaultRules.untagged)
	}
	for branch, m := range r.caches {
		assert.GreaterOrEqual(t, m.pushed, 100-defaultRules.cache, "branch %d", branch)
	}
	caches := int64(len(r.caches) + len(r.untagged))
	assert.LessOrEqual(t, r.bytes()-r.mountBytes(), appSizes.base+caches*(appSizes.dependencies+appSizes.source))
	for tag, a := range r.archives {
		assert.GreaterOrEqual(t, a.pushed, 100-defaultRules.cache, "mount %v", tag)
		checkArchive(t, a, goMounts[tag.mount].whole)
	}
	for _, a := range r.untaggedMounts {
		assert.GreaterOrEqual(t, a.pushed, 100-defaultRules.untagged)
	}
	r.expire(300)
	assert.Zero(t, r.images(), "all images of an app without builds expire")
	assert.Zero(t, r.bytes())
}

// checkArchive checks that the packs of a mount have all of it, and that at most half of them is dead.
func checkArchive(t *testing.T, a mountArchive, whole int64) {
	t.Helper()
	var bytes, live int64
	for _, p := range a.packs {
		bytes += p.bytes
		live += p.live
	}
	assert.Equal(t, whole, live)
	assert.LessOrEqual(t, bytes, 2*whole+int64(len(a.packs)))
}

func TestAMountIsSavedOnlyWhenItChanges(t *testing.T) {
	r := newRepository(layers{}, []mount{{whole: 100, dependencies: 10}, {whole: 50, source: 5, dependencies: 8}}, defaultRules)
	r.build(build{day: 0, change: source})
	assert.Equal(t, int64(150), r.bytes(), "the first build saves both")
	r.build(build{day: 1, branch: 1, change: nothing})
	assert.Len(t, r.archives, 2)
	r.build(build{day: 2, branch: 1, change: source})
	assert.Len(t, r.archives, 3, "the branch saves the mount that a change of source changes")
	assert.Equal(t, int64(155), r.bytes(), "it has a small pack, and shares the others")
	r.build(build{day: 2.5, branch: 1, change: dependencies})
	assert.Len(t, r.archives, 4)
	assert.Len(t, r.untaggedMounts, 1)
}

func TestALayerThatBranchesShareIsStoredOnce(t *testing.T) {
	r := newRepository(layers{base: 100, dependencies: 10, source: 1}, nil, defaultRules)
	assert.Equal(t, kind{mainBranch, everything}, r.build(build{day: 0, change: source}))
	assert.Equal(t, int64(111), r.bytes())
	assert.Equal(t, kind{first, nothing}, r.build(build{day: 1, branch: 1, change: nothing}))
	assert.Equal(t, int64(111), r.bytes())
	assert.Equal(t, kind{later, source}, r.build(build{day: 1.5, branch: 1, change: source}))
	assert.Equal(t, int64(112), r.bytes())
	assert.Equal(t, kind{later, dependencies}, r.build(build{day: 1.6, branch: 1, change: dependencies}))
	assert.Equal(t, int64(123), r.bytes(), "a replaced cache stays for a day")
	r.expire(3)
	assert.Equal(t, int64(122), r.bytes())
}

func TestLayersLargerThanAPartAreUploadedInSeveral(t *testing.T) {
	k := kind{mainBranch, dependencies}
	asked := perBuild[k].with(k, layers{base: 1 << 30, dependencies: 50 << 20, source: 1})
	assert.Equal(t, perBuild[k][uploadPart]+2, asked[uploadPart])
}

func TestFillNeedsItsMarkers(t *testing.T) {
	_, err := fill("nothing", map[string]string{"rates": ""})
	assert.ErrorContains(t, err, `the page has no marker for the table "rates"`)
}
