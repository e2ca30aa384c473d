package cache

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARenewedCacheDiffersInOneAnnotation(t *testing.T) {
	plain, err := random.Image(100, 2)
	require.NoError(t, err)
	annotated := mutate.Annotations(plain, map[string]string{"team": "shop"}).(v1.Image)
	for name, c := range map[string]struct {
		image v1.Image
		want  map[string]string
	}{
		"without annotations": {plain, map[string]string{"dev.layercache.renewed": "2026-11-20T00:00:00.001Z"}},
		"with annotations":    {annotated, map[string]string{"dev.layercache.renewed": "2026-11-20T00:00:00.001Z", "team": "shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			ref := host(t) + "/cache:main"
			digest := write(t, ref, c.image)
			_, err := Renew(t.Context(), ref, digest, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), authn.DefaultKeychain)
			require.NoError(t, err)
			digest = read(t, ref).Digest.String()
			renewed, err := Renew(t.Context(), ref, digest, time.Date(2026, 11, 20, 0, 0, 0, int(time.Millisecond), time.UTC), authn.DefaultKeychain)
			require.NoError(t, err)
			got := read(t, ref)
			assert.Equal(t, renewed, got.Digest.String())
			assert.NotEqual(t, digest, renewed)

			var now, before v1.Manifest
			require.NoError(t, json.Unmarshal(got.Manifest, &now))
			raw, err := c.image.RawManifest()
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(raw, &before))
			assert.Equal(t, c.want, now.Annotations)
			now.Annotations, before.Annotations = nil, nil
			assert.Equal(t, before, now)
			assert.Equal(t, before.MediaType, got.MediaType)
		})
	}
}

func TestACacheThatAnotherBuildReplacedIsNotRenewed(t *testing.T) {
	ref := host(t) + "/cache:main"
	old, err := random.Image(100, 1)
	require.NoError(t, err)
	digest := write(t, ref, old)
	other, err := random.Image(100, 1)
	require.NoError(t, err)
	replaced := write(t, ref, other)
	_, err = Renew(t.Context(), ref, digest, time.Now(), authn.DefaultKeychain)
	assert.ErrorIs(t, err, ErrReplaced)
	assert.Equal(t, replaced, read(t, ref).Digest.String())
	_, err = Renew(t.Context(), "localhost:1/cache:main", digest, time.Now(), authn.DefaultKeychain)
	assert.ErrorContains(t, err, "renew localhost:1/cache:main: ")
}

func write(t *testing.T, ref string, image v1.Image) (digest string) {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	require.NoError(t, remote.Write(parsed, image))
	return read(t, ref).Digest.String()
}

func read(t *testing.T, ref string) *remote.Descriptor {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	got, err := remote.Get(parsed)
	require.NoError(t, err)
	return got
}
