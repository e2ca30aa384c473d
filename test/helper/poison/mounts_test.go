//go:build linux

package poison

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cachemount/archive"
)

// mountManifest returns the manifest of the Dockerfile's cache mount in a repository.
func (w *running) mountManifest(repository string, by []remote.Option) (*remote.Descriptor, v1.Manifest) {
	w.t.Helper()
	got, err := remote.Get(w.ref(repository, w.mountTag()), by...)
	require.NoError(w.t, err)
	var manifest v1.Manifest
	require.NoError(w.t, json.Unmarshal(got.Manifest, &manifest))
	return got, manifest
}

func (w *running) mountBlob(repository string, digest v1.Hash, by []remote.Option) []byte {
	w.t.Helper()
	layer, err := remote.Layer(w.ref(repository, w.tag).Context().Digest(digest.String()), by...)
	require.NoError(w.t, err)
	reader, err := layer.Compressed()
	require.NoError(w.t, err)
	content, err := io.ReadAll(reader)
	require.NoError(w.t, errors.Join(err, reader.Close()))
	return content
}

// mountFiles returns the paths in the Dockerfile's cache mount in a repository.
func (w *running) mountFiles(repository string, by []remote.Option) (paths []string) {
	w.t.Helper()
	_, manifest := w.mountManifest(repository, by)
	index, err := archive.NewIndexReader(bytes.NewReader(w.mountBlob(repository, manifest.Layers[0].Digest, by)))
	require.NoError(w.t, err)
	defer index.Close()
	for {
		entry, err := index.Next()
		if errors.Is(err, io.EOF) {
			return paths
		}
		require.NoError(w.t, err)
		paths = append(paths, entry.Path)
	}
}

// copyMount copies the cache mount of pull requests to the cache of releases.
func (w *running) copyMount(by []remote.Option) error {
	w.t.Helper()
	got, manifest := w.mountManifest(w.prCache, by)
	target := w.ref(w.cache, w.mountTag())
	for _, layer := range append(manifest.Layers, manifest.Config) {
		content := static.NewLayer(w.mountBlob(w.prCache, layer.Digest, by), types.MediaType(layer.MediaType))
		if err := remote.WriteLayer(target.Context(), content, by...); err != nil {
			return err
		}
	}
	return remote.Put(target, got, by...)
}
