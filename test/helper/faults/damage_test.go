//go:build linux

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// damage is a defect of a cache in the registry.
type damage struct {
	point, name string
	inflict     func(t *testing.T, w *baseline, repository string)
}

var damages = []damage{
	{reading, "the cache's config has expired", func(t *testing.T, w *baseline, repository string) {
		require.NoError(t, os.Remove(w.blob(repository, w.good.config)))
	}},
	{reading, "an image index where a cache is expected", func(t *testing.T, w *baseline, repository string) {
		image, err := remote.Image(w.ref(t, "bases/tiny:1"))
		require.NoError(t, err)
		index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: image})
		require.NoError(t, remote.WriteIndex(w.ref(t, repository+":"+tag), index))
	}},
	{reading, "a config of more than 1 MiB", func(t *testing.T, w *baseline, repository string) {
		image, err := remote.Image(w.ref(t, repository+":"+tag))
		require.NoError(t, err)
		manifest, err := image.Manifest()
		require.NoError(t, err)
		config, err := image.RawConfigFile()
		require.NoError(t, err)
		large := static.NewLayer(append(config, bytes.Repeat([]byte(" "), 1<<20)...), manifest.Config.MediaType)
		require.NoError(t, remote.WriteLayer(w.ref(t, repository+":"+tag).Context(), large))
		manifest.Config.Digest, err = large.Digest()
		require.NoError(t, err)
		manifest.Config.Size, err = large.Size()
		require.NoError(t, err)
		require.NoError(t, remote.Put(w.ref(t, repository+":"+tag), written{*manifest}))
	}},
	{pulling, "a manifest with wrong media types of layers", func(t *testing.T, w *baseline, repository string) {
		image, err := remote.Image(w.ref(t, repository+":"+tag))
		require.NoError(t, err)
		manifest, err := image.Manifest()
		require.NoError(t, err)
		for i := range manifest.Layers {
			manifest.Layers[i].MediaType = "application/vnd.oci.image.lay0r.v1.tar+zstd"
		}
		require.NoError(t, remote.Put(w.ref(t, repository+":"+tag), written{*manifest}))
	}},
	{pulling, "the cache's layers have expired", func(t *testing.T, w *baseline, repository string) {
		for _, layer := range w.good.layers {
			require.NoError(t, os.Remove(w.blob(repository, layer)))
		}
	}},
	{pulling, "the cache's layers have expired, and the Dockerfile comes through a pipe", func(t *testing.T, w *baseline, repository string) {
		for _, layer := range w.good.layers {
			require.NoError(t, os.Remove(w.blob(repository, layer)))
		}
	}},
	{pulling, "one of the cache's layers has expired", func(t *testing.T, w *baseline, repository string) {
		require.NoError(t, os.Remove(w.blob(repository, w.good.layers[1])))
	}},
}

// suffer runs the cell of a damage.
func (w *baseline) suffer(t *testing.T, d damage) row {
	c := w.cell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plant(t, c.name)
	d.inflict(t, w, c.name)
	if strings.HasSuffix(d.name, "through a pipe") {
		c.args, c.stdin = []string{"--file", "-"}, strings.NewReader(dockerfile)
	}
	return c.judge(d.point, fault{name: d.name}, c.build())
}

// written is a manifest in the form that remote.Put takes.
type written struct{ v1.Manifest }

func (w written) RawManifest() ([]byte, error)        { return json.Marshal(w.Manifest) }
func (w written) MediaType() (types.MediaType, error) { return w.Manifest.MediaType, nil }
