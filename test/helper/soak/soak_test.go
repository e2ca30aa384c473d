//go:build linux

package soak

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/programs"
)

var (
	builds = flag.Int("builds", 16, "number of builds")
	apps   = flag.Int("apps", 4, "number of applications")
	seed   = flag.Uint64("seed", 1, "seed of the builds and of the requests that fail")
)

// parallel is the number of concurrent builds, versions the number of versions of each application.
const (
	parallel = 2
	versions = 3
)

func TestMain(m *testing.M) {
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx)
}

// soak collects the results of the builds.
type soak struct {
	machine
	// right are the images built without a cache.
	right    map[app]string
	mutex    sync.Mutex
	verdicts map[string]int
	exports  map[string]int
	again    int
	// peaks is the memory of each build's largest process in KiB, heaps that of this process, which runs the
	// registry, in bytes.
	peaks []int64
	heaps []uint64
}

func TestBuildsWithFailingRequestsMakeTheSameImages(t *testing.T) {
	server, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	struck, address := startTroubles(t, *seed, server.Addr())
	s := &soak{machine: machine{t, server.Addr(), address}, right: map[app]string{}, verdicts: map[string]int{}, exports: map[string]int{}}

	plan := planned()
	s.reference(plan)
	began := time.Now()
	s.all(plan)
	t.Logf("%d builds of %d applications in %.0f s: verdicts %v, exports %v, %d restarted without the cache",
		len(plan), *apps, time.Since(began).Seconds(), s.verdicts, s.exports, s.again)
	t.Logf("%d requests to the cache, faults %v", struck.requests, struck.struck)
	assert.NotEmpty(t, struck.struck)
	assert.Positive(t, s.verdicts["used"]+s.verdicts["partly-used"], "the cache must still be used by some builds")
	s.cachesAreComplete()
	s.memoryIsFlat()
}

// planned returns the builds in their order. Versions of the applications alternate, on two branches.
func planned() []build {
	chance := rand.New(rand.NewPCG(*seed, 0))
	var plan []build
	for i := range *builds {
		plan = append(plan, build{
			app:    app{i % *apps, chance.IntN(min(versions, 1 + i / *apps))},
			branch: []string{"main", "main", "feature/x"}[chance.IntN(3)],
			tag:    fmt.Sprintf("build%d", i),
		})
	}
	return plan
}

// reference builds every planned version without a cache.
func (s *soak) reference(plan []build) {
	s.t.Helper()
	wanted := map[app]bool{}
	for _, b := range plan {
		wanted[b.app] = true
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for a := range wanted {
		group.Go(func() error {
			got := s.run(build{app: a, tag: fmt.Sprintf("uncached%d", a.version)})
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.right[a] = got.image
			return nil
		})
	}
	require.NoError(s.t, group.Wait())
}

// all runs the builds.
func (s *soak) all(plan []build) {
	s.t.Helper()
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, b := range plan {
		group.Go(func() error {
			got := s.run(b)
			assert.Equal(s.t, s.right[b.app], got.image, "the image of %+v\n%s", b, got.log)
			s.note(got)
			return nil
		})
	}
	require.NoError(s.t, group.Wait())
}

func (s *soak) note(got outcome) {
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if got.Report != nil {
		s.verdicts[got.Verdict]++
		s.exports[got.Exported]++
	}
	s.again += strings.Count(got.log, "building again without it")
	s.peaks, s.heaps = append(s.peaks, got.peak), append(s.heaps, memory.HeapAlloc)
}

// cachesAreComplete checks that every part of every tagged cache exists: an interrupted export must leave the
// old cache.
func (s *soak) cachesAreComplete() {
	s.t.Helper()
	place, err := name.NewRepository(s.registry + "/" + repository)
	require.NoError(s.t, err)
	tags, err := remote.List(place)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, tags)
	for _, tag := range tags {
		image, err := remote.Image(place.Tag(tag))
		require.NoError(s.t, err, tag)
		manifest, err := image.Manifest()
		require.NoError(s.t, err, tag)
		for _, part := range append(manifest.Layers, manifest.Config) {
			layer, err := remote.Layer(place.Digest(part.Digest.String()))
			require.NoError(s.t, err, tag)
			size, err := layer.Size()
			assert.NoError(s.t, err, tag)
			assert.Equal(s.t, part.Size, size, "%s of %s", part.Digest, tag)
		}
	}
}

// maxGrowth is how much memory the registry may keep per build, in bytes: its manifests and its log of
// requests.
const maxGrowth = 256 << 10

// memoryIsFlat checks that the last builds used no more memory than the first.
func (s *soak) memoryIsFlat() {
	s.t.Helper()
	part := max(1, len(s.peaks)/4)
	first, last := slices.Max(s.peaks[:part]), slices.Max(s.peaks[len(s.peaks)-part:])
	kept := (int64(s.heaps[len(s.heaps)-1]) - int64(s.heaps[0])) / int64(len(s.heaps))
	s.t.Logf("largest process of a build: %d to %d MiB, of the first quarter %d, of the last %d; the registry keeps %d KiB per build",
		slices.Min(s.peaks)>>10, slices.Max(s.peaks)>>10, first>>10, last>>10, kept>>10)
	assert.Less(s.t, float64(last), 1.5*float64(first), "KiB of the largest process of the last builds, compared with the first")
	assert.Less(s.t, kept, int64(maxGrowth), "bytes that the registry keeps per build")
}
