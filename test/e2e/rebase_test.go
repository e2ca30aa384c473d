package e2e

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/localecr"
)

// rebasing compiles on one base image and puts the result on another by COPY --link alone.
const rebasing = `FROM ` + base + ` AS build
COPY src src
RUN cat src/* > program
FROM bases.example/runtime:1
COPY --link --from=build /program /app/
COPY --link deps.txt /app/
`

func TestRebase(t *testing.T) {
	w := newWorld(t)
	w.write("Dockerfile", rebasing)
	w.env["LAYERCACHE_MIRRORS"] += ",bases.example=" + w.registry.Addr() + "/bases"
	w.pushRuntime("first")
	w.succeeds(w.build())
	before := w.diffIDs(w.image())

	w.pushRuntime("second")
	beginning := len(w.registry.Log())
	rebased := w.succeeds(w.build())
	log := w.registry.Log()[beginning:]

	assert.Equal(t, "used", rebased.Verdict, rebased.VerdictReason)
	assert.Empty(t, rebased.ran(), "steps that had to run")
	assert.Empty(t, w.layersSent(log), "layers that were pulled, of the base images and of the cache")
	runtime, after := w.diffIDs(w.registry.Addr()+"/bases/runtime:1"), w.diffIDs(w.image())
	require.Len(t, after, len(runtime)+2)
	assert.Equal(t, runtime, after[:len(runtime)], "the image stands on the new base image's layers")
	assert.Equal(t, before[len(before)-2:], after[len(runtime):], "and has the application's on top, as they were")
	image := w.pulled(w.image())
	assert.Equal(t, "second", fileOf(t, image, "release"))
	assert.Equal(t, "hello\n", fileOf(t, image, "app/program"))
	assert.Equal(t, "left-pad\n", fileOf(t, image, "app/deps.txt"))
}

// pushRuntime makes bases.example/runtime:1 anew: two layers, of which one says which release it is.
func (w *world) pushRuntime(release string) {
	w.t.Helper()
	fetched, err := name.ParseReference(w.registry.Addr() + "/ecr-public/docker/library/busybox:1.37")
	require.NoError(w.t, err)
	image, err := remote.Image(fetched)
	require.NoError(w.t, err)
	layer, err := crane.Layer(map[string][]byte{"release": []byte(release)})
	require.NoError(w.t, err)
	image, err = mutate.AppendLayers(image, layer)
	require.NoError(w.t, err)
	ref, err := name.ParseReference(w.registry.Addr() + "/bases/runtime:1")
	require.NoError(w.t, err)
	require.NoError(w.t, remote.Write(ref, image))
}

// diffIDs are the digests of the image's layers, unpacked.
func (w *world) diffIDs(image string) []v1.Hash {
	w.t.Helper()
	config, err := w.pulled(image).ConfigFile()
	require.NoError(w.t, err)
	return config.RootFS.DiffIDs
}

var blobPath = regexp.MustCompile(`^/v2/(.+)/blobs/(sha256:[0-9a-f]{64})$`)

// layersSent are the blobs, by repository, that the registry sent and that are layers of a base image, of the cache or of
// the image.
func (w *world) layersSent(log []localecr.Entry) []string {
	w.t.Helper()
	known := map[string]bool{}
	for _, ref := range []string{"ecr-public/docker/library/busybox:1.37", "bases/runtime:1", "cache:shop--linux-amd64--main", "shop:1"} {
		for digest := range w.layers(w.registry.Addr() + "/" + ref) {
			known[digest.String()] = true
		}
	}
	var sent []string
	for _, entry := range log {
		match := blobPath.FindStringSubmatch(entry.Path)
		if match != nil && entry.Method == http.MethodGet && known[match[2]] {
			sent = append(sent, match[1]+" "+match[2])
		}
	}
	return sent
}
