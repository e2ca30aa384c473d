package registry

import (
	"net/http"
	"os"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/test/kit/localecr"
)

func start(t *testing.T) *Registry {
	t.Helper()
	r, err := Start(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

func newImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(1000, 2)
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	config.OS, config.Architecture = baseimage.Platform().OS, baseimage.Platform().Architecture
	image, err = mutate.ConfigFile(image, config)
	require.NoError(t, err)
	return image
}

func digestAt(t *testing.T, r *Registry, place string) string {
	t.Helper()
	image, missing, err := r.Image(t.Context(), place, baseimage.Platform())
	require.NoError(t, err)
	if missing {
		return ""
	}
	layers, err := image.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		content, err := layer.Compressed()
		require.NoError(t, err, "every blob must be pullable")
		require.NoError(t, content.Close())
	}
	digest, err := image.Digest()
	require.NoError(t, err)
	return digest.String()
}

func TestRestoreResetsARepository(t *testing.T) {
	r := start(t)
	first, second := newImage(t), newImage(t)
	require.NoError(t, r.Put(t.Context(), "shop:latest", first))
	snapshot, err := r.Keep(t.Context(), "shop", "shop-cache")
	require.NoError(t, err)
	was := digestAt(t, r, "shop:latest")
	require.NoError(t, r.Put(t.Context(), "shop:latest", second))
	require.NoError(t, r.Put(t.Context(), "shop:other", second))
	require.NoError(t, r.Put(t.Context(), "shop-cache:cache", second))
	newer := digestAt(t, r, "shop:latest")

	for range 2 {
		require.NoError(t, r.Restore(t.Context(), snapshot))
		assert.Equal(t, was, digestAt(t, r, "shop:latest"))
		assert.Empty(t, digestAt(t, r, "shop:other"))
		assert.Empty(t, digestAt(t, r, "shop-cache:cache"))
		assert.Empty(t, digestAt(t, r, "shop@"+newer), "a manifest without a tag must be gone too")
		blobs, err := os.ReadDir(directory(r.blobs, "shop"))
		require.NoError(t, err)
		assert.Len(t, blobs, 3, "two layers and a configuration")
		require.NoError(t, r.Put(t.Context(), "shop:latest", second))
	}
}

func TestASnapshotIncludesTheManifestsOfAnIndex(t *testing.T) {
	r := start(t)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: newImage(t), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: baseimage.Platform().OS, Architecture: baseimage.Platform().Architecture}},
	})
	require.NoError(t, r.PutIndex(t.Context(), "shop:latest", index))
	was := digestAt(t, r, "shop:latest")
	snapshot, err := r.Keep(t.Context(), "shop")
	require.NoError(t, err)
	require.NoError(t, r.Clear(t.Context(), "shop"))
	assert.Empty(t, digestAt(t, r, "shop:latest"))
	require.NoError(t, r.Restore(t.Context(), snapshot))
	assert.Equal(t, was, digestAt(t, r, "shop:latest"))
}

func TestTrafficAndPushes(t *testing.T) {
	log := []localecr.Entry{
		{Method: http.MethodGet, Path: "/v2/bases/small/manifests/latest", Status: 200, Sent: 10},
		{Method: http.MethodGet, Path: "/v2/bases/small/blobs/sha256:1", Status: 200, Sent: 1000},
		{Method: http.MethodHead, Path: "/v2/bases/small/blobs/sha256:2", Status: 200},
		{Method: http.MethodPatch, Path: "/v2/shop/blobs/uploads/1", Status: 202, Received: 500},
		{Method: http.MethodPut, Path: "/v2/shop/manifests/latest", Status: 201, Received: 50},
		{Method: http.MethodPut, Path: "/v2/other/manifests/latest", Status: 500},
	}
	assert.Equal(t, Traffic{Sent: 1010, Received: 550, Requests: 6, BaseLayers: 1}, TrafficOf(log, map[string]bool{"sha256:1": true, "sha256:2": true}))
	assert.True(t, Pushed(log, "shop", "latest"))
	assert.False(t, Pushed(log, "shop", "1"))
	assert.False(t, Pushed(log, "other", "latest"), "a refused push does not count")
	assert.False(t, Pushed(log, "sho", "latest"))
}

func TestALayerOfAnotherRepositoryIsMounted(t *testing.T) {
	r := start(t)
	mounting, err := r.Mount()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, mounting.Close()) })
	image := newImage(t)
	require.NoError(t, r.Put(t.Context(), "bases/small:1", image))
	mark := r.Now()

	base, err := name.ParseReference(mounting.Addr() + "/bases/small:1")
	require.NoError(t, err)
	pulled, err := remote.Image(base)
	require.NoError(t, err)
	target, err := name.ParseReference(mounting.Addr() + "/shop:1")
	require.NoError(t, err)
	require.NoError(t, remote.Write(target, pulled))

	for _, entry := range r.Since(mark) {
		assert.NotEqual(t, http.MethodPatch, entry.Method, "no layer is uploaded: %v", entry)
	}
	assert.NotEmpty(t, digestAt(t, r, "shop:1"), "the image is complete")

	elsewhere, err := name.ParseReference(mounting.Addr() + "/elsewhere:1")
	require.NoError(t, err)
	require.NoError(t, remote.Write(elsewhere, newImage(t)))
	assert.NotEmpty(t, digestAt(t, r, "elsewhere:1"), "layers that no repository has are uploaded")
}
