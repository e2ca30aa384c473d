package main

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/speed/bench/flow"
)

// TestBuilds runs the smallest builds end to end, with real builders and a real registry: on loopback, behind
// a network and with a sign-in.
func TestBuilds(t *testing.T) {
	o, err := parse([]string{
		"-workloads", "line", "-phases", "cold,unchanged", "-flows", "peer,by-hand,layercache", "-runs", "1", "-seed", "1",
		"-dir", t.TempDir(), "-json", filepath.Join(t.TempDir(), "results.json"),
	})
	require.NoError(t, err)
	chosen, left, err := cells(o.choice)
	require.NoError(t, err)
	require.Empty(t, left)
	var printed bytes.Buffer
	shared, err := open(t.Context(), o, chosen, &printed)
	require.NoError(t, err)
	s := &session{site: shared, options: o, w: &printed, order: rand.New(rand.NewPCG(o.seed, 0)), results: &results{Runs: []provenance{{}}}}
	for _, group := range groups(chosen) {
		require.NoError(t, s.measureGroup(t.Context(), group))
	}
	require.NoError(t, shared.close())

	kept, err := readResults(o.json)
	require.NoError(t, err)
	assert.Empty(t, kept.Failures, printed.String())
	for _, c := range chosen {
		measured := kept.of(c)
		require.Len(t, measured, 1, "%v", c)
		assert.Positive(t, measured[0].Seconds)
		assert.Positive(t, measured[0].Traffic.Requests)
		if c.Flow == flow.Layercache {
			assert.Positive(t, measured[0].PeakBytes)
			assert.NotEmpty(t, measured[0].Verdict)
			assert.Positive(t, measured[0].Parts["boot"])
		}
	}
	assert.NoDirExists(t, shared.dir)
}

func TestTheFileOfTheNewestLayerIsRead(t *testing.T) {
	var layers []v1.Layer
	for _, files := range []map[string][]byte{{"app/revision": []byte("old\n")}, {"app/revision": []byte("new\n"), "a": nil}, {"b": nil}} {
		layer, err := crane.Layer(files)
		require.NoError(t, err)
		layers = append(layers, layer)
	}
	image, err := mutate.AppendLayers(empty.Image, layers...)
	require.NoError(t, err)
	got, err := newest(image, "app/revision")
	require.NoError(t, err)
	assert.Equal(t, "new", got)
	_, err = newest(image, "app/other")
	assert.ErrorContains(t, err, "the image has no app/other")
}
