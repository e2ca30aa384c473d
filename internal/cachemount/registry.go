package cachemount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
)

// The media types of a mount's archive in a registry: an OCI artifact whose first layer is the index. The packs are
// ordinary layers.
//
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
const (
	artifactType = "application/vnd.layercache.mount.v1"
	indexType    = "application/vnd.layercache.mount.index.v1+zstd"
	packType     = types.OCILayerZStd
	emptyConfig  = "application/vnd.oci.empty.v1+json"
)

// The annotations of the manifest and of its packs.
const (
	annotationID      = "io.layercache.mount.id"
	annotationWritten = "org.opencontainers.image.created"
	annotationContent = "io.layercache.mount.content"
)

// parallelUploads is how many packs are uploaded at a time.
const parallelUploads = 4

type registryStore struct {
	cache    string
	keychain authn.Keychain
}

// InRegistry returns the store of the mounts of a cache in a registry. cache is the cache's ref.
func InRegistry(cache string, keychain authn.Keychain) Store { return registryStore{cache, keychain} }

func (s registryStore) options(ctx context.Context) []remote.Option {
	return append(throttle.Options(), remote.WithContext(ctx), remote.WithAuthFromKeychain(s.keychain), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
}

func (s registryStore) ref(id string) (name.Reference, error) {
	return name.ParseReference(cache.MountRef(s.cache, Name(id)))
}

func (s registryStore) Blobs() string {
	ref, err := name.ParseReference(s.cache)
	if err != nil {
		return s.cache
	}
	return ref.Context().String()
}

func (s registryStore) Load(ctx context.Context, id string) (*Stored, error) {
	ref, err := s.ref(id)
	if err != nil {
		return nil, err
	}
	got, err := remote.Get(ref, s.options(ctx)...)
	var response *transport.Error
	if errors.As(err, &response) && response.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, err)
	}
	var manifest v1.Manifest
	if err := json.Unmarshal(got.Manifest, &manifest); err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, err)
	}
	return decodeManifest(manifest, id), nil
}

// decodeManifest returns nil if the manifest is not that of the mount's archive.
func decodeManifest(manifest v1.Manifest, id string) *Stored {
	layers := manifest.Layers
	if len(layers) == 0 || slices.ContainsFunc(layers, func(l v1.Descriptor) bool { return l.Size < 0 }) || layers[0].MediaType != indexType || manifest.Annotations[annotationID] != id {
		return nil
	}
	stored := &Stored{ID: id, Index: Blob{Digest: layers[0].Digest.String(), Bytes: layers[0].Size}}
	stored.Written, _ = time.Parse(time.RFC3339, manifest.Annotations[annotationWritten])
	for _, layer := range layers[1:] {
		content, err := strconv.ParseInt(layer.Annotations[annotationContent], 10, 64)
		if err != nil || layer.MediaType != packType {
			return nil
		}
		stored.Packs = append(stored.Packs, Blob{Digest: layer.Digest.String(), Bytes: layer.Size, Content: content})
	}
	return stored
}

func (s registryStore) Open(ctx context.Context, id string, blob Blob) (io.ReadCloser, error) {
	ref, err := s.ref(id)
	if err != nil {
		return nil, err
	}
	layer, err := remote.Layer(ref.Context().Digest(blob.Digest), s.options(ctx)...)
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

func (s registryStore) Save(ctx context.Context, archive Stored, moved func(int)) (written int64, err error) {
	ref, err := s.ref(archive.ID)
	if err != nil {
		return 0, err
	}
	config := static.NewLayer([]byte("{}"), emptyConfig)
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: map[string]string{
		annotationID: archive.ID, annotationWritten: archive.Written.UTC().Format(time.RFC3339),
	}}
	descriptor, err := partial.Descriptor(config)
	if err != nil {
		return 0, err
	}
	manifest.Config = *descriptor
	var total atomic.Int64
	group, uploads := errgroup.WithContext(ctx)
	group.SetLimit(parallelUploads)
	group.Go(func() error { return remote.WriteLayer(ref.Context(), config, s.options(uploads)...) })
	for i, blob := range append([]Blob{archive.Index}, archive.Packs...) {
		layer := v1.Descriptor{MediaType: packType, Size: blob.Bytes, Annotations: map[string]string{annotationContent: strconv.FormatInt(blob.Content, 10)}}
		if i == 0 {
			layer.MediaType, layer.Annotations = indexType, nil
		}
		if layer.Digest, err = v1.NewHash(blob.Digest); err != nil {
			return 0, err
		}
		manifest.Layers = append(manifest.Layers, layer)
		if blob.File == "" {
			continue
		}
		group.Go(func() error {
			total.Add(blob.Bytes)
			return s.upload(uploads, ref.Context(), fileLayer{blob.File, layer, moved})
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("write %s: %w", ref, err)
	}
	if err := remote.Put(ref, cache.Artifact{Type: artifactType, Manifest: manifest}, s.options(ctx)...); err != nil {
		return 0, fmt.Errorf("write %s: %w", ref, err)
	}
	return total.Load(), nil
}

func (s registryStore) upload(ctx context.Context, repository name.Repository, file fileLayer) error {
	layer, err := partial.CompressedToLayer(file)
	if err != nil {
		return err
	}
	return remote.WriteLayer(repository, layer, s.options(ctx)...)
}

// fileLayer is a layer in a file.
type fileLayer struct {
	file       string
	descriptor v1.Descriptor
	moved      func(bytes int)
}

func (l fileLayer) Digest() (v1.Hash, error)            { return l.descriptor.Digest, nil }
func (l fileLayer) Size() (int64, error)                { return l.descriptor.Size, nil }
func (l fileLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }
func (l fileLayer) Compressed() (io.ReadCloser, error) {
	file, err := os.Open(l.file)
	return movedReader{file, l.moved}, err
}

// movedReader reports what is read.
type movedReader struct {
	io.ReadCloser
	moved func(bytes int)
}

func (m movedReader) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.moved(n)
	return n, err
}
