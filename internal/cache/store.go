package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/layercache/layercache/internal/s3"
	"github.com/layercache/layercache/internal/safewrite"
)

// The media types of a record in a registry: an OCI artifact with one layer.
//
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
const (
	artifactType = "application/vnd.layercache.steps.v1+json"
	emptyConfig  = "application/vnd.oci.empty.v1+json"
)

// maxSize is the size in bytes above which a record is ignored.
const maxSize = 8 << 20

type registryStore struct {
	ref      string
	keychain authn.Keychain
}

// RecordInRegistry returns a store that keeps the record at the ref, as an OCI artifact.
func RecordInRegistry(ref string, keychain authn.Keychain) RecordStore {
	return registryStore{ref, keychain}
}

func (s registryStore) Load(ctx context.Context) (*Record, error) {
	r, err := s.load(ctx)
	var response *transport.Error
	if errors.As(err, &response) && response.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.ref, err)
	}
	return r, nil
}

func (s registryStore) load(ctx context.Context) (*Record, error) {
	ref, err := name.ParseReference(s.ref)
	if err != nil {
		return nil, err
	}
	got, err := remote.Get(ref, options(ctx, s.keychain)...)
	if err != nil {
		return nil, err
	}
	var manifest v1.Manifest
	if err := json.Unmarshal(got.Manifest, &manifest); err != nil {
		return nil, err
	}
	if len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != artifactType || manifest.Layers[0].Size > maxSize {
		return nil, nil
	}
	layer, err := remote.Layer(ref.Context().Digest(manifest.Layers[0].Digest.String()), options(ctx, s.keychain)...)
	if err != nil {
		return nil, err
	}
	blob, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	content, err := io.ReadAll(io.LimitReader(blob, maxSize))
	if err != nil {
		return nil, err
	}
	return decode(content)
}

func (s registryStore) Save(ctx context.Context, r *Record) error {
	if err := s.save(ctx, r); err != nil {
		return fmt.Errorf("write %s: %w", s.ref, err)
	}
	return nil
}

func (s registryStore) save(ctx context.Context, r *Record) error {
	content, err := encode(r)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(s.ref)
	if err != nil {
		return err
	}
	config, err := s.put(ctx, ref.Context(), static.NewLayer([]byte("{}"), emptyConfig))
	if err != nil {
		return err
	}
	layer, err := s.put(ctx, ref.Context(), static.NewLayer(content, artifactType))
	if err != nil {
		return err
	}
	artifact := Artifact{artifactType, v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer}}}
	return remote.Put(ref, artifact, options(ctx, s.keychain)...)
}

// put uploads a blob that the registry does not have yet.
func (s registryStore) put(ctx context.Context, repository name.Repository, blob v1.Layer) (v1.Descriptor, error) {
	descriptor, err := partial.Descriptor(blob)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return *descriptor, remote.WriteLayer(repository, blob, options(ctx, s.keychain)...)
}

// Artifact adapts the manifest of an OCI artifact to remote.Put.
type Artifact struct {
	// Type is the artifact's media type.
	Type string
	v1.Manifest
}

// RawManifest returns the manifest as JSON.
func (a Artifact) RawManifest() ([]byte, error) {
	return json.Marshal(struct {
		ArtifactType string `json:"artifactType"`
		v1.Manifest
	}{a.Type, a.Manifest})
}

// MediaType returns the media type of the manifest.
func (a Artifact) MediaType() (types.MediaType, error) { return a.Manifest.MediaType, nil }

// RecordFile is the name of the record in the folder of a cache of mode "local".
const RecordFile = "layercache-steps.json"

type folderStore struct{ dir string }

// RecordInFolder returns a store that keeps the record in the folder of a cache of mode "local".
func RecordInFolder(dir string) RecordStore {
	return folderStore{dir}
}

// Load reads the record. The folder may be one of the source, so it follows no link out of it, and reads no pipe.
func (s folderStore) Load(context.Context) (*Record, error) {
	folder, err := safewrite.Folder(s.dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	file, err := safewrite.OpenRegular(folder, RecordFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSize))
	if err != nil {
		return nil, err
	}
	return decode(content)
}

func (s folderStore) Save(_ context.Context, r *Record) error {
	content, err := encode(r)
	if err != nil {
		return err
	}
	folder, err := safewrite.Folder(s.dir, true)
	if err != nil {
		return err
	}
	defer folder.Close()
	return safewrite.Replace(folder, RecordFile, content)
}

type bucketStore struct {
	client *s3.Client
	key    string
}

// RecordInBucket returns a store that keeps the record of a cache in S3. cache is the cache's name below the place of
// the client.
func RecordInBucket(cache string, client *s3.Client) RecordStore {
	return bucketStore{client, "records/" + RecordRef(cache) + ".json"}
}

func (s bucketStore) Load(ctx context.Context) (*Record, error) {
	object, err := s.client.Get(ctx, s.key)
	if s3.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer object.Close()
	content, err := io.ReadAll(io.LimitReader(object, maxSize))
	if err != nil {
		return nil, err
	}
	return decode(content)
}

func (s bucketStore) Save(ctx context.Context, r *Record) error {
	content, err := encode(r)
	if err != nil {
		return err
	}
	return s.client.Put(ctx, s.key, content)
}
