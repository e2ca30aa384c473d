//go:build linux

package faults

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

// cache describes the parts of a cache.
type cache struct {
	config string
	// layers are sorted by size, the largest, the base image's, first.
	layers []string
	// knows identifies the steps whose results the cache holds, by their cache keys.
	knows string
}

// plant copies the good cache and its record to a cell's own repository.
func (w *baseline) plant(t *testing.T, repository string) {
	t.Helper()
	from, to := w.folder(seed), w.folder(repository)
	require.NoError(t, os.MkdirAll(to, 0o700))
	files, err := os.ReadDir(from)
	require.NoError(t, err)
	for _, file := range files {
		require.NoError(t, os.Link(filepath.Join(from, file.Name()), filepath.Join(to, file.Name())))
	}
	for _, name := range []string{tag, tag + "--steps"} {
		got, err := remote.Get(w.ref(t, seed+":"+name))
		require.NoError(t, err)
		require.NoError(t, remote.Put(w.ref(t, repository+":"+name), got))
	}
}

// folder returns the folder of a repository's blobs.
func (w *baseline) folder(repository string) string { return filepath.Join(w.blobs, repository) }

func (w *baseline) blob(repository, digest string) string {
	return filepath.Join(w.folder(repository), strings.ReplaceAll(digest, ":", "-"))
}

// read returns the cache in a repository. It returns an error if a part is missing or corrupt.
func (w *baseline) read(t *testing.T, repository string) (cache, error) {
	t.Helper()
	image, err := remote.Image(w.ref(t, repository+":"+tag))
	if err != nil {
		return cache{}, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return cache{}, err
	}
	found := cache{config: manifest.Config.Digest.String()}
	found.knows, err = w.keys(repository, manifest.Config)
	problems := []error{err, w.whole(repository, manifest.Config)}
	slices.SortFunc(manifest.Layers, func(a, b v1.Descriptor) int { return cmp.Compare(b.Size, a.Size) })
	for _, layer := range manifest.Layers {
		found.layers = append(found.layers, layer.Digest.String())
		problems = append(problems, w.whole(repository, layer))
	}
	return found, errors.Join(problems...)
}

// keys returns the cache keys in a cache's config.
//
// https://github.com/moby/buildkit/blob/v0.33.0/cache/remotecache/v1/types/spec.go
func (w *baseline) keys(repository string, config v1.Descriptor) (string, error) {
	content, err := os.ReadFile(w.blob(repository, config.Digest.String()))
	if err != nil {
		return "", err
	}
	var known struct {
		Records []struct {
			Digest  string
			Results []any `json:"layers"`
			Chains  []any
		}
	}
	if err := json.Unmarshal(content, &known); err != nil {
		return "", err
	}
	var keys []string
	for _, record := range known.Records {
		keys = append(keys, fmt.Sprint(record.Digest, len(record.Results), len(record.Chains)))
	}
	slices.Sort(keys)
	return strings.Join(keys, " "), nil
}

func (w *baseline) whole(repository string, part v1.Descriptor) error {
	content, err := os.ReadFile(w.blob(repository, part.Digest.String()))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != part.Digest.Hex {
		return fmt.Errorf("%s is corrupt", part.Digest)
	}
	return nil
}

// imageOf returns the config digest of a cell's image, or "" if there is no image. The digest identifies the
// content, because the compression of layers may differ. An incomplete image fails the test.
func (w *baseline) imageOf(t *testing.T, cell string) string {
	t.Helper()
	image, err := remote.Image(w.ref(t, "shop-"+cell+":1"), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: architecture}))
	var refusal *transport.Error
	if errors.As(err, &refusal) && refusal.StatusCode == http.StatusNotFound {
		return ""
	}
	require.NoError(t, err)
	require.NoError(t, validate.Image(image))
	digest, err := image.ConfigName()
	require.NoError(t, err)
	return digest.String()
}
