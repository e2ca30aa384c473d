//go:build linux

package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
)

// mounted has a step that says what it finds in its cache mount: sum has the checksums of all of its files. Then it adds
// a file. The image does not depend on the mount.
const mounted = `FROM bases.test/tiny:1 AS build
WORKDIR /app
COPY src.txt .
RUN --mount=type=cache,id=kept,target=/m set -e; cat src.txt > program; touch -d '1970-01-02 00:00:00' program; cd /m; b=/bin/busybox; \
    if [ -z "$($b ls -A)" ]; then echo "the mount is empty"; for i in 1 2 3 4; do dd if=/dev/urandom of=f$i bs=512k count=4; done; \
    elif $b md5sum -s -c sum; then echo "the mount is complete"; echo "files: $($b ls)"; \
    else echo "the mount is broken"; fi; \
    cat /app/src.txt > "src-$(cat /app/src.txt)"; $b md5sum f* src* > sum
FROM scratch
COPY --from=build --link /app/program /program
`

// The points of the requests for mounts.
const (
	mountManifest = "a mount's manifest"
	mountIndex    = "a mount's index"
	mountPack     = "a mount's pack"
	mountUpload   = "the upload of a mount"
	mountWrite    = "the new manifest of a mount"
)

var mountPoints = []string{mountManifest, mountIndex, mountPack, mountUpload, mountWrite}

// mountWorld has a good cache with a mount in the repository seed.
type mountWorld struct {
	*baseline
	// index and packs are the digests of the mount's archive, tag is its tag.
	index string
	packs []string
	tag   string
}

func newMountWorld(t *testing.T) *mountWorld {
	t.Helper()
	w := &mountWorld{baseline: &baseline{blobs: t.TempDir(), names: startNames(t), authority: newAuthority(t)}}
	server, err := localecr.Start(localecr.Config{Dir: w.blobs})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	w.registry = server
	require.NoError(t, remote.Write(w.ref(t, "bases/tiny:1"), tiny(t)))

	first := w.mountCell(t, seed)
	first.write("src.txt", []byte("first"))
	o := first.build()
	o.succeeds(t)
	require.Contains(t, o.log, "the mount is empty")
	for _, tag := range w.tags(t, seed) {
		if strings.Contains(tag, "--mount-") {
			w.tag = tag
		}
	}
	require.NotEmpty(t, w.tag, o.log)
	for i, layer := range w.complete(t, seed).Layers {
		if i == 0 {
			w.index = layer.Digest.String()
		} else {
			w.packs = append(w.packs, layer.Digest.String())
		}
	}
	healthy := w.mountCell(t, "healthy")
	w.plantAll(t, "healthy")
	o = healthy.build()
	o.succeeds(t)
	require.Contains(t, o.log, "the mount is complete")
	require.NotContains(t, o.log, "warning")
	w.program, w.seconds = w.imageOf(t, "healthy"), o.seconds
	return w
}

func (w *mountWorld) tags(t *testing.T, repository string) []string {
	t.Helper()
	tags, err := remote.List(w.ref(t, repository+":any").Context())
	require.NoError(t, err)
	return tags
}

func (w *mountWorld) mountCell(t *testing.T, name string) *cell {
	t.Helper()
	c := w.cell(t, name)
	c.write("Dockerfile", []byte(mounted))
	c.write("src.txt", []byte("second"))
	return c
}

// plantAll copies the good cache with its mount to a repository.
func (w *mountWorld) plantAll(t *testing.T, repository string) {
	t.Helper()
	from, to := w.folder(seed), w.folder(repository)
	require.NoError(t, os.MkdirAll(to, 0o700))
	files, err := os.ReadDir(from)
	require.NoError(t, err)
	for _, file := range files {
		require.NoError(t, os.Link(filepath.Join(from, file.Name()), filepath.Join(to, file.Name())))
	}
	for _, tag := range w.tags(t, seed) {
		got, err := remote.Get(w.ref(t, seed+":"+tag))
		require.NoError(t, err)
		require.NoError(t, remote.Put(w.ref(t, repository+":"+tag), got))
	}
}

// complete returns the manifest of the mount in a repository, and checks that the repository has all of its blobs.
func (w *mountWorld) complete(t *testing.T, repository string) v1.Manifest {
	t.Helper()
	got, err := remote.Get(w.ref(t, repository+":"+w.tag))
	require.NoError(t, err)
	var manifest v1.Manifest
	require.NoError(t, json.Unmarshal(got.Manifest, &manifest))
	for _, layer := range manifest.Layers {
		assert.NoError(t, w.whole(repository, layer), "a manifest must not name a blob that is missing or corrupt")
	}
	return manifest
}

// requests returns the requests of a point.
func (w *mountWorld) requests(point string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		// The cache itself is transferred by BuildKit.
		own := strings.Contains(r.UserAgent(), "go-containerregistry")
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		ofManifest := strings.HasSuffix(r.URL.Path, "/manifests/"+w.tag)
		switch point {
		case mountManifest:
			return reads && ofManifest
		case mountIndex:
			return reads && strings.HasSuffix(r.URL.Path, w.index)
		case mountPack:
			return r.Method == http.MethodGet && slices.ContainsFunc(w.packs, func(digest string) bool { return strings.HasSuffix(r.URL.Path, digest) })
		case mountUpload:
			return own && !reads && strings.Contains(r.URL.Path, "/blobs/uploads/")
		}
		return !reads && ofManifest
	}
}

// struckAt are the faults that are tried at every point of mounts.
var struckAt = []string{
	"connection refused", "connection reset half-way", "silence", "1 KB/s", "401", "403", "404", "429 with Retry-After", "500", "503", "truncated", "corrupt",
}

// found matches what the step found.
var found = regexp.MustCompile(`(?m) the mount is (\w+)$`)

// state returns what the step found in its mount: it must be empty or complete.
func (o outcome) state(t *testing.T) string {
	t.Helper()
	match := found.FindAllStringSubmatch(o.log, -1)
	require.NotEmpty(t, match, o.log)
	assert.Contains(t, []string{"empty", "complete"}, match[len(match)-1][1], "a step saw half a mount:\n%s", o.log)
	return match[len(match)-1][1]
}

// mountWarning matches the warning about the mount.
var mountWarning = regexp.MustCompile(`(?m)^layercache: warning: cache mount kept: (not (?:restored|saved): .+)$`)

func TestTroubleWithCacheMounts(t *testing.T) {
	w := newMountWorld(t)
	for _, point := range mountPoints {
		for _, name := range struckAt {
			f := faults[slices.IndexFunc(faults, func(f fault) bool { return f.name == name })]
			if point == mountWrite && unparsable(f) {
				continue
			}
			t.Run(point+"/"+name, func(t *testing.T) {
				t.Parallel()
				w.strikeMount(t, point, f)
			})
		}
	}
	for name, run := range map[string]func(*testing.T){
		"no space left for a mount":                     w.fullDisk,
		"a file that is larger than the limit":          w.overLimit,
		"the helper is killed half-way in a restore":    func(t *testing.T) { w.stoppedIn(t, mountPack, syscall.SIGKILL) },
		"the helper is killed half-way in a save":       func(t *testing.T) { w.stoppedIn(t, mountUpload, syscall.SIGKILL) },
		"a build is stopped in a restore":               func(t *testing.T) { w.stoppedIn(t, mountPack, syscall.SIGTERM) },
		"two builds at once save the same mount":        w.pairOfMounts,
		"two builds at once save to one folder":         w.pairInFolder,
		"a failed build keeps what its good steps made": w.failedBuild,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

// unparsable reports whether a fault damages what is written. A registry refuses a manifest that it cannot parse; the
// one of the tests does not.
func unparsable(f fault) bool { return f.name == "truncated" || f.name == "corrupt" }

// strikeMount builds with a fault at a point: the build succeeds, its step finds all of the mount or nothing, and the
// next build's mount is complete.
func (w *mountWorld) strikeMount(t *testing.T, point string, f fault) {
	c := w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plantAll(t, c.name)
	timeout := cacheTimeout(reading, f)
	c.env["LAYERCACHE_CACHE_TIMEOUT"] = timeout.String()
	front := c.newFront(proxyTo(w.registry.Addr()), strike{fault: f, at: w.requests(point)})
	c.repository = front.host() + "/" + c.name
	o := c.build()
	assert.Positive(t, front.hits(), "the fault never occurred:\n%s", o.log)
	o.succeeds(t)
	assert.Equal(t, w.program, w.imageOf(t, c.name))
	state, warning := o.state(t), mountWarning.FindStringSubmatch(o.log)
	reads := slices.Contains([]string{mountManifest, mountIndex, mountPack}, point)
	switch {
	case point == mountManifest && f.name == "404":
		assert.Empty(t, warning, "there is no such mount")
	case f.name == "1 KB/s" && len(warning) == 0:
		reads = false // What is small arrives in time.
	case assert.NotEmpty(t, warning, "the cause must be in a warning:\n%s", o.log):
		t.Log(warning[1])
		assert.Equal(t, reads, strings.HasPrefix(warning[1], "not restored"), warning[1])
	}
	assert.Equal(t, map[bool]string{true: "empty", false: "complete"}[reads], state, o.log)
	assert.Less(t, o.seconds-w.seconds, (timeout + 20*time.Second).Seconds(), "the seconds lost must stay within the timeout, with a reserve for a busy machine:\n%s", o.log)
	c.nothingLeft()
	w.complete(t, c.name)
	w.nextBuild(t, c.name)
}

// nextBuild checks that the next build restores a complete mount.
func (w *mountWorld) nextBuild(t *testing.T, repository string) {
	t.Helper()
	c := w.mountCell(t, repository+"-next")
	c.repository = w.registry.Addr() + "/" + repository
	c.write("src.txt", []byte("third"))
	c.env["LAYERCACHE_WRITE"] = "false"
	o := c.build()
	o.succeeds(t)
	assert.Equal(t, "complete", o.state(t), o.log)
	assert.NotContains(t, o.log, "cache mount kept: not")
	c.nothingLeft()
}

// small is the step with small files.
func small() []byte { return []byte(strings.Replace(mounted, "bs=512k count=4", "bs=1k count=4", 1)) }

func (w *mountWorld) fullDisk(t *testing.T) {
	c := w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plantAll(t, c.name)
	c.write("Dockerfile", small())
	o := c.confined("12m")
	o.succeeds(t)
	assert.Equal(t, "empty", o.state(t), o.log)
	assert.Regexp(t, `not restored: .*half of the free disk space: no space left on device`, o.log)
	c.nothingLeft()
	w.nextBuild(t, c.name)
}

func (w *mountWorld) overLimit(t *testing.T) {
	c := w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plantAll(t, c.name)
	c.write("Dockerfile", small())
	c.env["LAYERCACHE_MOUNT_LIMIT"] = "1MB"
	o := c.build()
	o.succeeds(t)
	assert.Equal(t, "empty", o.state(t), o.log)
	assert.Regexp(t, `not restored: .*larger than the limit of`, o.log)
	c.nothingLeft()
	w.nextBuild(t, c.name)
}

// halted sends half of the answer, or takes the request, and then nothing more.
func halted(f *front, rw http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		content := f.content(r)
		rw.Header().Set("Content-Length", strconv.Itoa(content.body.Len()))
		rw.WriteHeader(content.status)
		_, _ = rw.Write(content.body.Bytes()[:content.body.Len()/2])
		_ = http.NewResponseController(rw).Flush()
	}
	silence(f, rw, r)
}

// stoppedIn ends the helper while it waits for the rest of a transfer.
func (w *mountWorld) stoppedIn(t *testing.T, point string, signal syscall.Signal) {
	c := w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plantAll(t, c.name)
	c.env["LAYERCACHE_CACHE_TIMEOUT"] = "1m"
	front := c.newFront(proxyTo(w.registry.Addr()), strike{fault: fault{answer: halted}, at: w.requests(point)})
	c.repository = front.host() + "/" + c.name
	running := c.start()
	require.Eventually(t, func() bool { return front.hits() > 0 }, time.Minute, 10*time.Millisecond, "the point was not reached")
	time.Sleep(300 * time.Millisecond) // The first half is written.
	require.NoError(t, running.cmd.Process.Signal(signal))
	o := running.wait()
	if signal == syscall.SIGKILL {
		assert.Equal(t, -1, o.exitCode, o.log)
	} else {
		assert.Equal(t, 128+int(signal), o.exitCode, o.log)
	}
	if point == mountPack {
		assert.NotRegexp(t, found, o.log, "the step must not run with half a mount")
	}
	w.complete(t, c.name)
	if signal != syscall.SIGKILL {
		c.nothingLeft()
		w.nextBuild(t, c.name)
		return
	}
	if !assert.Eventually(t, func() bool { return len(c.processes()) == 0 }, time.Minute, 50*time.Millisecond, "processes outlived the helper") {
		t.Log(c.processes())
	}
	c.repository = w.registry.Addr() + "/" + c.name
	c.write("src.txt", []byte("third"))
	o = c.build()
	o.succeeds(t)
	assert.Equal(t, "complete", o.state(t), o.log)
	assert.Eventually(t, func() bool {
		left, _ := filepath.Glob(filepath.Join(c.state, "builder-*"))
		return len(left) == 0
	}, time.Minute, 50*time.Millisecond, "the next build must remove what the killed one left")
}

func (w *mountWorld) pairOfMounts(t *testing.T) {
	first, second := w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1))), w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plantAll(t, first.name)
	second.repository = first.repository
	second.write("src.txt", []byte("other"))
	w.pairOf(t, first, second)
	w.complete(t, first.name)
	w.nextBuild(t, first.name)
}

func (w *mountWorld) pairInFolder(t *testing.T) {
	first, second := w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1))), w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	dir := t.TempDir()
	for _, c := range []*cell{first, second} {
		c.env["LAYERCACHE_MODE"], c.env["LAYERCACHE_LOCAL_DIR"], c.env["LAYERCACHE_REPOSITORY"] = "local", dir, ""
	}
	second.write("src.txt", []byte("other"))
	w.pairOf(t, first, second)
	first.write("src.txt", []byte("third"))
	second.write("src.txt", []byte("fourth"))
	w.pairOf(t, first, second)
	var lists []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		assert.NotEqual(t, ".new", filepath.Ext(path))
		if filepath.Base(filepath.Dir(path)) == "layercache-mounts" && filepath.Ext(path) == ".json" {
			lists = append(lists, path)
		}
		return err
	}))
	require.Len(t, lists, 1)
	content, err := os.ReadFile(lists[0])
	require.NoError(t, err)
	for _, digest := range regexp.MustCompile(`sha256:([0-9a-f]{64})`).FindAllStringSubmatch(string(content), -1) {
		assert.FileExists(t, filepath.Join(filepath.Dir(lists[0]), "blobs", digest[1]))
	}
}

// pairOf runs two builds at the same time.
func (w *mountWorld) pairOf(t *testing.T, cells ...*cell) {
	t.Helper()
	var group sync.WaitGroup
	for _, c := range cells {
		running := c.start()
		group.Go(func() {
			o := running.wait()
			assert.Zero(t, o.exitCode, o.log)
			o.state(t)
		})
	}
	group.Wait()
	for _, c := range cells {
		c.nothingLeft()
	}
}

// failedBuild builds with a step that fails after the one with the mount.
func (w *mountWorld) failedBuild(t *testing.T) {
	c := w.mountCell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	c.write("Dockerfile", []byte(strings.Replace(mounted, "FROM scratch", "RUN --mount=type=cache,id=kept,target=/m echo half > /m/failed; exit 3\nFROM scratch", 1)))
	o := c.build()
	assert.Equal(t, 1, o.exitCode, o.log)
	assert.Equal(t, "empty", o.state(t))
	c.nothingLeft()
	next := w.mountCell(t, c.name+"-next")
	next.repository = c.repository
	o = next.build()
	o.succeeds(t)
	assert.Equal(t, "complete", o.state(t), o.log)
	assert.NotRegexp(t, `(?m)^#\d+ \d+\.\d+ (files: )?failed$`, o.log, "the file of the step that failed")
	next.nothingLeft()
}

var (
	mountBuilds = 12
	mountSeed   = uint64(1)
)

func init() {
	for variable, set := range map[string]func(uint64){
		"LAYERCACHE_MOUNT_BUILDS": func(n uint64) { mountBuilds = int(n) }, "LAYERCACHE_MOUNT_SEED": func(n uint64) { mountSeed = n },
	} {
		if n, err := strconv.ParseUint(os.Getenv(variable), 10, 32); err == nil {
			set(n)
		}
	}
}

// TestManyBuildsWithTroubleWithMounts runs builds of which each has random faults in a third of the requests for its mount.
// LAYERCACHE_MOUNT_BUILDS sets their number.
func TestManyBuildsWithTroubleWithMounts(t *testing.T) {
	w := newMountWorld(t)
	states, warned := map[string]int{}, 0
	var lock sync.Mutex
	kinds := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.answer == nil || !slices.Contains(struckAt, f.name) })
	struck := map[string]int{}
	// Several chains of builds, because a build reads what the one before it saved.
	const chains = 4
	var group sync.WaitGroup
	for chain := range chains {
		group.Go(func() {
			chance := rand.New(rand.NewPCG(mountSeed, uint64(chain)))
			repository := fmt.Sprintf("chain%d", chain)
			w.plantAll(t, repository)
			for i := range mountBuilds / chains {
				c := w.mountCell(t, fmt.Sprintf("%s-%d", repository, i))
				c.write("src.txt", []byte(fmt.Sprintf("source %d of %d", i, chain)))
				c.env["LAYERCACHE_CACHE_TIMEOUT"] = "2s"
				var inner sync.Mutex
				random := fault{answer: func(f *front, rw http.ResponseWriter, r *http.Request) {
					inner.Lock()
					kind := kinds[chance.IntN(len(kinds))]
					for w.requests(mountWrite)(r) && unparsable(kind) {
						kind = kinds[chance.IntN(len(kinds))]
					}
					inner.Unlock()
					lock.Lock()
					struck[kind.name]++
					lock.Unlock()
					kind.answer(f, rw, r)
				}}
				front := c.newFront(proxyTo(w.registry.Addr()), strike{fault: random, at: func(r *http.Request) bool {
					inner.Lock()
					defer inner.Unlock()
					return slices.ContainsFunc(mountPoints, func(point string) bool { return w.requests(point)(r) }) && chance.IntN(3) == 0
				}})
				c.repository = front.host() + "/" + repository
				o := c.build()
				assert.Zero(t, o.exitCode, o.log)
				state := o.state(t)
				c.nothingLeft()
				w.complete(t, repository)
				lock.Lock()
				states[state]++
				if mountWarning.MatchString(o.log) {
					warned++
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%d builds: the mounts were %v, %d builds warned, faults %v", mountBuilds/chains*chains, states, warned, struck)
	assert.Positive(t, states["complete"], "some builds must find their mount")
	assert.NotEmpty(t, struck)
}
