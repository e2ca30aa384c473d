package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Content reads an image in a store.
type Content struct {
	store    *Store
	image    Image
	keychain authn.Keychain
}

// Content returns what is in the image. Layers that are elsewhere are read with the keychain.
func (s *Store) Content(image Image, keychain authn.Keychain) Content {
	return Content{store: s, image: image, keychain: keychain}
}

func (i Image) blob(s *Store, h v1.Hash) string {
	return blobFile(filepath.Join(s.dir, i.Folder), h)
}

// manifests returns the manifests in an index; none if the image is a single manifest.
func (i Image) manifests(s *Store) []v1.Descriptor {
	if !i.Root.MediaType.IsIndex() {
		return nil
	}
	var index v1.IndexManifest
	content, err := os.ReadFile(i.blob(s, i.Root.Digest))
	if err != nil || json.Unmarshal(content, &index) != nil {
		return nil
	}
	return index.Manifests
}

// complete fills in the ID, and leaves out the layers that are not the image's.
func (s *Store) complete(image *Image) error {
	image.ID = image.Root.Digest
	parts := image.manifests(s)
	if len(parts) == 0 {
		parts = []v1.Descriptor{image.Root}
	}
	elsewhere := map[string]string{}
	for _, part := range parts {
		content, err := os.ReadFile(image.blob(s, part.Digest))
		if err != nil {
			return err
		}
		manifest, err := v1.ParseManifest(bytes.NewReader(content))
		if err != nil {
			return err
		}
		if !image.Root.MediaType.IsIndex() {
			image.ID = manifest.Config.Digest
		}
		for _, blob := range append(manifest.Layers, manifest.Config) {
			if _, err := os.Stat(image.blob(s, blob.Digest)); err == nil {
				continue
			}
			repository, ok := image.Elsewhere[blob.Digest.String()]
			if !ok {
				return fmt.Errorf("BuildKit has not handed over layer %s", blob.Digest)
			}
			elsewhere[blob.Digest.String()] = repository
		}
	}
	image.Elsewhere = elsewhere
	return nil
}

// Taggable returns the manifest or index, for pushing.
func (c Content) Taggable() (remote.Taggable, error) {
	if c.image.Root.MediaType.IsIndex() {
		return index{c, c.image.Root}, nil
	}
	return c.manifest(c.image.Root)
}

// ErrNoPlatform is the error of Runnable for an image that this machine cannot run.
var ErrNoPlatform = errors.New("the image has no part for this machine's platform")

// Runnable returns the part of the image for this machine.
func (c Content) Runnable() (v1.Image, error) {
	if !c.image.Root.MediaType.IsIndex() {
		return c.manifest(c.image.Root)
	}
	for _, part := range c.image.manifests(c.store) {
		if part.Platform != nil && part.Platform.OS == "linux" && part.Platform.Architecture == runtime.GOARCH {
			return c.manifest(part)
		}
	}
	return nil, ErrNoPlatform
}

// Parts returns the images in the index, or the image itself.
func (c Content) Parts() ([]v1.Image, error) {
	descriptors := c.image.manifests(c.store)
	if !c.image.Root.MediaType.IsIndex() {
		descriptors = []v1.Descriptor{c.image.Root}
	}
	var parts []v1.Image
	for _, described := range descriptors {
		part, err := c.manifest(described)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func (c Content) manifest(described v1.Descriptor) (v1.Image, error) {
	content, err := os.ReadFile(c.image.blob(c.store, described.Digest))
	if err != nil {
		return nil, err
	}
	parsed, err := v1.ParseManifest(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	whole, err := partial.CompressedToImage(manifest{c, described, content, parsed})
	if err != nil {
		return nil, err
	}
	return &mountable{whole, c.image}, nil
}

// manifest is one image, as go-containerregistry reads it.
type manifest struct {
	Content
	described v1.Descriptor
	raw       []byte
	parsed    *v1.Manifest
}

func (m manifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m manifest) MediaType() (types.MediaType, error) { return m.described.MediaType, nil }
func (m manifest) RawConfigFile() ([]byte, error) {
	layer, err := m.LayerByDigest(m.parsed.Config.Digest)
	if err != nil {
		return nil, err
	}
	content, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// LayerByDigest returns the config or a layer.
func (m manifest) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	blobs := append(slices.Clone(m.parsed.Layers), m.parsed.Config)
	index := slices.IndexFunc(blobs, func(blob v1.Descriptor) bool { return blob.Digest == h })
	if index < 0 {
		return nil, fmt.Errorf("image %s has no layer %s", m.image.ID, h)
	}
	return layer{m.Content, blobs[index]}, nil
}

// layer is a layer in the store, or elsewhere.
type layer struct {
	Content
	described v1.Descriptor
}

func (l layer) Digest() (v1.Hash, error)            { return l.described.Digest, nil }
func (l layer) Size() (int64, error)                { return l.described.Size, nil }
func (l layer) MediaType() (types.MediaType, error) { return l.described.MediaType, nil }
func (l layer) Descriptor() (*v1.Descriptor, error) { return &l.described, nil }
func (l layer) Compressed() (io.ReadCloser, error) {
	repository, away := l.image.Elsewhere[l.described.Digest.String()]
	if !away {
		return os.Open(l.image.blob(l.store, l.described.Digest))
	}
	parsed, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	found, err := remote.Layer(parsed.Digest(l.described.Digest.String()), remote.WithAuthFromKeychain(l.keychain))
	if err != nil {
		return nil, err
	}
	return found.Compressed()
}

// mountable is an image whose layers that are elsewhere a registry may take from there, if it has them itself.
type mountable struct {
	v1.Image
	kept Image
}

func (m *mountable) Layers() ([]v1.Layer, error) {
	layers, err := m.Image.Layers()
	if err != nil {
		return nil, err
	}
	for i, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return nil, err
		}
		repository, away := m.kept.Elsewhere[digest.String()]
		if parsed, err := name.NewRepository(repository); away && err == nil {
			layers[i] = &remote.MountableLayer{Layer: layer, Reference: parsed.Digest(digest.String())}
		}
	}
	return layers, nil
}

// index is an index, as go-containerregistry reads it.
type index struct {
	Content
	described v1.Descriptor
}

func (i index) MediaType() (types.MediaType, error) { return i.described.MediaType, nil }
func (i index) Digest() (v1.Hash, error)            { return i.described.Digest, nil }
func (i index) Size() (int64, error)                { return i.described.Size, nil }
func (i index) RawManifest() ([]byte, error) {
	return os.ReadFile(i.image.blob(i.store, i.described.Digest))
}
func (i index) IndexManifest() (*v1.IndexManifest, error) {
	content, err := i.RawManifest()
	if err != nil {
		return nil, err
	}
	return v1.ParseIndexManifest(bytes.NewReader(content))
}

func (i index) Image(h v1.Hash) (v1.Image, error) {
	for _, part := range i.image.manifests(i.store) {
		if part.Digest == h {
			return i.manifest(part)
		}
	}
	return nil, fmt.Errorf("index %s has no image %s", i.image.ID, h)
}

// ImageIndex is an error: BuildKit builds no index of indexes.
func (i index) ImageIndex(h v1.Hash) (v1.ImageIndex, error) {
	return nil, fmt.Errorf("index %s has no index %s", i.image.ID, h)
}

// Sources returns the repositories that have layers of the image.
func (i Image) Sources() []string {
	return slices.Compact(slices.Sorted(maps.Values(i.Elsewhere)))
}
