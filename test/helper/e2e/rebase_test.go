package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
)

// rebasing is a Dockerfile that compiles on one base image and uses only COPY --link to put the result on
// another.
const rebasing = `FROM ` + base + ` AS build
COPY src src
RUN cat src/* > program
FROM bases.example/REPOSITORY:runtime
COPY --link --from=build /program /app/
COPY --link deps.txt /app/
`

func TestRebase(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		// repository is the base image's repository. carried lists the repositories from which its layers are
		// pulled.
		repository string
		carried    []string
	}{
		{"a base image in the image's repository: nothing is pulled", "shop", nil},
		{"a base image in another repository: only the new layer is pulled, because the registry supports no mounts", "runtimes", []string{"runtimes"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			runtime := w.registry.Addr() + "/" + c.repository + ":runtime"
			w.write("Dockerfile", strings.ReplaceAll(rebasing, "REPOSITORY", c.repository))
			w.env["LAYERCACHE_MIRRORS"] += ",bases.example=" + w.registry.Addr()
			w.pushRuntime(runtime, "first")
			w.succeeds(w.build())
			before := w.diffIDs(w.image())

			w.pushRuntime(runtime, "second")
			start := len(w.registry.Log())
			rebased := w.succeeds(w.build())
			log := w.registry.Log()[start:]

			assert.Equal(t, "used", rebased.Verdict, rebased.VerdictReason)
			assert.Empty(t, rebased.ran(), "steps that ran")
			assert.Equal(t, c.carried, w.layersSent(log, runtime), "repositories that layers were pulled from")
			fresh, after := w.diffIDs(runtime), w.diffIDs(w.image())
			require.Len(t, after, len(fresh)+2)
			assert.Equal(t, fresh, after[:len(fresh)], "the image must have the layers of the new base image")
			assert.Equal(t, before[len(before)-2:], after[len(fresh):], "and the unchanged layers of the application on top")
			image := w.pulled(w.image())
			assert.Equal(t, "second", fileOf(t, image, "release"))
			assert.Equal(t, "hello\n", fileOf(t, image, "app/program"))
			assert.Equal(t, "left-pad\n", fileOf(t, image, "app/deps.txt"))
		})
	}
}

// pushRuntime pushes a base image of two layers. The last layer holds the release.
func (w *machine) pushRuntime(image, release string) {
	w.t.Helper()
	layer, err := crane.Layer(map[string][]byte{"release": []byte(release)})
	require.NoError(w.t, err)
	content, err := mutate.AppendLayers(w.pulled(w.registry.Addr()+"/ecr-public/docker/library/busybox:1.37"), layer)
	require.NoError(w.t, err)
	ref, err := name.ParseReference(image)
	require.NoError(w.t, err)
	require.NoError(w.t, remote.Write(ref, content))
}

// diffIDs returns the digests of the image's uncompressed layers.
func (w *machine) diffIDs(image string) []v1.Hash {
	w.t.Helper()
	config, err := w.pulled(image).ConfigFile()
	require.NoError(w.t, err)
	return config.RootFS.DiffIDs
}

var blobPath = regexp.MustCompile(`^/v2/(.+)/blobs/(sha256:[0-9a-f]{64})$`)

// layersSent returns the repositories from which layers of the base images, the cache or the image were
// pulled.
func (w *machine) layersSent(log []localecr.Entry, runtime string) []string {
	w.t.Helper()
	known := map[string]bool{}
	for _, ref := range []string{"ecr-public/docker/library/busybox:1.37", "cache:shop--linux-amd64--main", "shop:1"} {
		for digest := range w.layers(w.registry.Addr() + "/" + ref) {
			known[digest.String()] = true
		}
	}
	for digest := range w.layers(runtime) {
		known[digest.String()] = true
	}
	var sent []string
	for _, entry := range log {
		match := blobPath.FindStringSubmatch(entry.Path)
		if match != nil && entry.Method == http.MethodGet && known[match[2]] {
			sent = append(sent, match[1])
		}
	}
	return sent
}
