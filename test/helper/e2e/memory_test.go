package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowSteps is a Dockerfile whose steps take much longer than the cache's overhead.
const slowSteps = "FROM " + base + `
RUN sleep 3; echo tools
COPY src src
RUN sleep 1; cat src/* > program
`

// written returns the requests that wrote to the repository while build ran.
func (w *machine) written(repository string, build func()) []string {
	before := len(w.registry.Log())
	build()
	var paths []string
	for _, entry := range w.registry.Log()[before:] {
		if entry.Method != http.MethodGet && entry.Method != http.MethodHead && strings.HasPrefix(entry.Path, "/v2/"+repository+"/") {
			paths = append(paths, entry.Method+" "+entry.Path)
		}
	}
	return paths
}

func TestAnExportOfWhatIsThereIsSkipped(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	assert.NotEmpty(t, w.written("cache", func() { w.succeeds(w.build()) }))

	var unchanged outcome
	assert.Empty(t, w.written("cache", func() { unchanged = w.succeeds(w.build("--label", "commit=2")) }), "nothing may be written to the cache repository")
	assert.Equal(t, "used", unchanged.Verdict)
	assert.Equal(t, "unchanged", unchanged.Exported)
	assert.NotNil(t, unchanged.Cost.CacheBytes)

	w.write("src/main.txt", "hello, world\n")
	assert.Equal(t, "yes", w.succeeds(w.build()).Exported)
}

// An updated base image is not among the inputs that the helper compares. The build detects it only after the
// export was skipped.
func TestAnExportThatWasSkippedTooEarlyIsMadeUpFor(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", "FROM "+w.registry.Addr()+"/base:1\nRUN echo made > /made\n")
	w.pushBase("one")
	w.succeeds(w.build())
	w.pushBase("two")
	updated := w.succeeds(w.build())
	assert.Equal(t, "yes", updated.Exported)
	assert.Contains(t, updated.log, "writing the cache")
	require.Len(t, updated.Misses, 1)
	assert.Contains(t, updated.Misses[0].Cause, "the base image "+w.registry.Addr()+"/base:1 was updated")
	assert.Equal(t, "two\n", fileOf(t, w.pulled(w.image()), "base"))
	assert.Equal(t, "used", w.succeeds(w.build()).Verdict)
}

// pushBase builds and pushes a base image, without a cache.
func (w *machine) pushBase(content string) {
	w.t.Helper()
	dir := w.t.TempDir()
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+base+"\nRUN echo "+content+" > /base\n"), 0o644))
	mode := w.env["LAYERCACHE_MODE"]
	w.env["LAYERCACHE_MODE"] = "off"
	w.succeeds(w.run("build", "--push", "--tag", w.registry.Addr()+"/base:1", dir))
	w.env["LAYERCACHE_MODE"] = mode
}

func TestWhyAStepHadToRun(t *testing.T) {
	t.Parallel()
	const dockerfile = "FROM " + base + "\nARG VERSION=1\nRUN echo tools\nCOPY src src\nRUN cat src/* > program\n"
	cases := []struct {
		name   string
		change func(w *machine) (arguments []string)
		cause  string
		advice string
	}{
		{"a changed file", func(w *machine) []string { w.write("src/main.txt", "x"); return nil }, "src/main.txt changed", ""},
		{"an added file", func(w *machine) []string { w.write("src/new.txt", "x"); return nil }, "src/new.txt was added", ""},
		{"a changed instruction", func(w *machine) []string {
			w.write("Dockerfile", "FROM "+base+"\nARG VERSION=1\nRUN echo other tools\nCOPY src src\n")
			return nil
		}, "its text changed (was RUN echo tools)", ""},
		{"a build argument that the step does not use", func(*machine) []string { return []string{"--build-arg", "VERSION=2"} },
			"the build argument VERSION changed", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.write("Dockerfile", dockerfile)
			w.succeeds(w.build())
			changed := w.succeeds(w.build(c.change(w)...))
			require.Len(t, changed.Misses, 1)
			assert.Contains(t, changed.Misses[0].Cause, c.cause)
			assert.Contains(t, changed.Misses[0].Advice, c.advice)
			assert.Contains(t, changed.VerdictReason, c.cause)
		})
	}
}

func TestWhatTheCacheSaved(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", slowSteps)
	cold := w.succeeds(w.build())
	assert.Nil(t, cold.SavedSeconds)
	assert.Equal(t, "unknown", cold.Worth)

	unchanged := w.succeeds(w.build())
	require.NotNil(t, unchanged.SavedSeconds)
	require.NotNil(t, unchanged.CriticalPath)
	assert.GreaterOrEqual(t, unchanged.CriticalPath.Without, 4.0, "the two steps sleep one after the other")
	assert.InDelta(t, unchanged.CriticalPath.Without-unchanged.CriticalPath.With-unchanged.OverheadSeconds, *unchanged.SavedSeconds, 1e-9)
	assert.Equal(t, "keep", unchanged.Worth)
	assert.NotEmpty(t, unchanged.Cost.Arithmetic)

	w.write("src/main.txt", "x")
	changed := w.succeeds(w.build())
	require.NotNil(t, changed.CriticalPath)
	avoided := changed.CriticalPath.Without - changed.CriticalPath.With
	assert.Greater(t, avoided, 1.0, "the first step, of three seconds, was cached; the lookup takes a while on a busy machine")
	assert.LessOrEqual(t, avoided, unchanged.CriticalPath.Without-1.0, "the second step, of one second, ran")
}

func TestADeletedCacheIsDistinguishedFromAMissingOne(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	first := w.succeeds(w.build())
	assert.Contains(t, first.VerdictReason, "there is no cache yet")
	ref, err := name.ParseReference(w.registry.Addr() + "/cache:shop--linux-amd64--main")
	require.NoError(t, err)
	require.NoError(t, remote.Delete(ref))
	gone := w.succeeds(w.build())
	assert.Equal(t, "cold", gone.Verdict)
	assert.Contains(t, gone.VerdictReason, "it expired or was deleted")
}
