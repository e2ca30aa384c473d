package cache

import (
	"bytes"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// That BuildKit imports the empty cache without an error is tested in test/helper/e2e.
func TestAClearedCacheIsAbsent(t *testing.T) {
	ref := host(t) + "/cache:main"
	full, err := random.Image(100, 2)
	require.NoError(t, err)
	write(t, ref, full)
	require.NoError(t, Clear(t.Context(), ref, authn.DefaultKeychain))
	got := read(t, ref)
	assert.Equal(t, State{Kind: KindAbsent, Manifest: got.Digest.String(), ManifestBytes: int64(len(got.Manifest))}, QueryStates(t.Context(), []string{ref}, authn.DefaultKeychain)[ref])
	manifest, err := v1.ParseManifest(bytes.NewReader(got.Manifest))
	require.NoError(t, err)
	assert.EqualValues(t, cacheConfig, manifest.Config.MediaType, "BuildKit reads it as a cache")
}

func TestACacheThatCannotBeClearedIsAnError(t *testing.T) {
	assert.Error(t, Clear(t.Context(), "localhost:1/cache:main", authn.DefaultKeychain))
	assert.Error(t, Clear(t.Context(), "no reference", authn.DefaultKeychain))
}
