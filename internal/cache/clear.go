package cache

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// clearedAnnotation marks the manifest of an empty cache that Clear wrote.
const clearedAnnotation = "dev.layercache.cleared"

// Clear replaces the cache at the ref by an empty one, which BuildKit can import. The cache that it replaces then has no
// tag, so lifecycle rules delete its layers soon, without a permission to delete anything.
func Clear(ctx context.Context, ref string, keychain authn.Keychain) error {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	store := registryStore{ref, keychain}
	config, err := store.put(ctx, parsed.Context(), static.NewLayer([]byte("{}"), cacheConfig))
	if err != nil {
		return err
	}
	// Some registries refuse a manifest without a layer.
	layer, err := store.put(ctx, parsed.Context(), static.NewLayer([]byte("{}"), emptyConfig))
	if err != nil {
		return err
	}
	empty := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer},
		Annotations: map[string]string{clearedAnnotation: "LAYERCACHE_POLICY=act"},
	}
	return remote.Put(parsed, Artifact{cacheConfig, empty}, options(ctx, keychain)...)
}
