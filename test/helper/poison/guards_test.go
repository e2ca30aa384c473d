//go:build linux

package poison

import (
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

// The widenings: additional permissions for the role of pull requests or of releases.
const (
	pushesToCache = "pull requests push to the cache of releases"
	pushesBases   = "pull requests push base images"
	pushesImages  = "pull requests push images of releases"
	readsPRCache  = "releases read the cache of pull requests"
)

// guard removes a guard, and shows that the attempt then succeeds.
type guard struct {
	name string
	// widening is the permission that removes the guard. It is empty for a guard in the helper.
	widening string
	run      func(w *running)
}

var guards = []guard{
	{"a pull request that may push to the cache of releases poisons the next release", pushesToCache, func(w *running) {
		made := w.uncached(first)
		w.begin()
		forged, record := w.forge(w.cache, w.tag, w.as(w.pullRequest)), w.boast(w.cache, w.tag+"--steps", w.as(w.pullRequest))
		require.NoError(w.t, w.plant(record, w.cache, w.tag+"--steps", w.as(w.pullRequest)))
		got := w.releases(first)
		assert.Equal(w.t, made[first], w.released("latest"), "a record affects figures and the export, but not the image")
		require.NotNil(w.t, got.SavedSeconds, got.log)
		assert.Greater(w.t, *got.SavedSeconds, float64(hours), got.log)
		require.NoError(w.t, w.plant(forged, w.cache, w.tag, w.as(w.pullRequest)))
		got = w.releases(first)
		assert.Equal(w.t, poisoned, w.program(), got.log)
		assert.Equal(w.t, "used", got.Verdict, "a forged cache must look like any other cache")
	}},
	{"a release that reads the cache of pull requests is poisoned", readsPRCache, func(w *running) {
		w.begin()
		require.Zero(w.t, w.proposes(second, map[string]string{"LAYERCACHE_BRANCH": "main"}).exitCode)
		forged := w.forge(w.prCache, w.tag, w.as(w.pullRequest))
		require.NoError(w.t, w.plant(forged, w.prCache, w.tag, w.as(w.pullRequest)))
		got := w.releases(second, "LAYERCACHE_REPOSITORY", w.prCache, "LAYERCACHE_WRITE", "false")
		assert.Equal(w.t, poisoned, w.program(), got.log)
	}},
	{"a pull request that may push to the cache of releases poisons the cache mount of the next release", pushesToCache, func(w *running) {
		w.begin()
		got := w.run(build{w.pullRequest, source{"Dockerfile": w.leaves(), "src.txt": first}, map[string]string{"LAYERCACHE_BRANCH": "main"}})
		require.Zero(w.t, got.exitCode, got.log)
		require.NoError(w.t, w.copyMount(w.as(w.pullRequest)))
		got = w.releases(second)
		assert.Equal(w.t, second+poisoned, w.program(), got.log)
	}},
	{"a release that reads the cache of pull requests gets their cache mount", readsPRCache, func(w *running) {
		w.begin()
		got := w.run(build{w.pullRequest, source{"Dockerfile": w.leaves(), "src.txt": first}, map[string]string{"LAYERCACHE_BRANCH": "main"}})
		require.Zero(w.t, got.exitCode, got.log)
		got = w.releases(second, "LAYERCACHE_REPOSITORY", w.prCache, "LAYERCACHE_WRITE", "false")
		assert.Equal(w.t, second+poisoned, w.program(), got.log)
	}},
	{"a pull request that may push base images replaces the base image of releases", pushesBases, func(w *running) {
		w.begin()
		image := mutate.MediaType(w.evilBase(), types.OCIManifestSchema1)
		require.NoError(w.t, remote.Write(w.ref(w.mirror, "1.37"), image, w.as(w.pullRequest)...))
		got := w.releases(first)
		assert.Equal(w.t, poisoned, w.program(), got.log)
	}},
	{"a pull request that may push images of releases replaces them", pushesImages, func(w *running) {
		w.begin()
		got := w.proposes(poisoned, map[string]string{
			"LAYERCACHE_MODE": variables.ModeInline, "LAYERCACHE_PUSH": "true", "LAYERCACHE_IMAGE": w.image, "LAYERCACHE_TAGS": "latest",
		})
		require.Zero(w.t, got.exitCode, got.log)
		assert.Equal(w.t, poisoned, w.program(), got.log)
	}},
	{"a branch that shares the scope of the default branch overwrites its cache", "", func(w *running) {
		w.begin()
		before := w.digest(w.tag)
		w.releases("other\n", "CODEBUILD_WEBHOOK_TRIGGER", "branch/fix", "LAYERCACHE_BRANCH", "main")
		assert.NotEqual(w.t, before, w.digest(w.tag))
	}},
	{"a builder that is not removed after a pull request's build shares its cache mounts with the next release", "", func(w *running) {
		w.begin()
		shared := w.sharedBuilder()
		got := w.run(build{w.pullRequest, source{"Dockerfile": w.leaves(), "src.txt": first}, shared})
		require.Zero(w.t, got.exitCode, got.log)
		got = w.releases(second, "BUILDX_CONFIG", shared["BUILDX_CONFIG"], "LAYERCACHE_ARGS", shared["LAYERCACHE_ARGS"])
		assert.Equal(w.t, second+poisoned, w.program(), got.log)
	}},
}
