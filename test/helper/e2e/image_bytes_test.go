package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stacked is a Dockerfile whose last stage stands on another, so that layers of the stage deps are layers of
// the image.
const stacked = `FROM ` + base + ` AS deps
WORKDIR /app
COPY deps.txt .
RUN cat deps.txt > installed && mkdir -p cache && echo dependencies installed
FROM deps AS compile
COPY src src
RUN cat src/* > program
FROM deps
COPY --link LICENSE /licenses/
COPY --from=compile --link /app/program /bin/program
RUN cat /app/installed /bin/program > /result
`

// bytesMachine is a machine with the application of these tests.
func bytesMachine(t *testing.T, dockerfile string, env map[string]string) *machine {
	w := newMachine(t)
	w.write("Dockerfile", dockerfile)
	w.write("LICENSE", "free\n")
	w.env["LAYERCACHE_APP"] = "shop"
	for variable, value := range env {
		w.env[variable] = value
	}
	return w
}

// with returns a machine that shares everything but the variables.
func (w *machine) with(env map[string]string) *machine {
	changed := *w
	changed.env = map[string]string{}
	for variable, value := range w.env {
		changed.env[variable] = value
	}
	for variable, value := range env {
		changed.env[variable] = value
	}
	return &changed
}

// imageBytes are the parts of an image that a cache must not change.
type imageBytes struct {
	manifest, config string
	layers           []string
}

func bytesOf(t *testing.T, image v1.Image) imageBytes {
	t.Helper()
	id, err := image.Digest()
	require.NoError(t, err)
	manifest, err := image.Manifest()
	require.NoError(t, err)
	got := imageBytes{manifest: id.String(), config: manifest.Config.Digest.String()}
	for _, layer := range manifest.Layers {
		got.layers = append(got.layers, string(layer.MediaType)+" "+layer.Digest.String())
	}
	return got
}

// earlierBuilds are what may have been built before an image is.
var earlierBuilds = []struct {
	name string
	// build runs the earlier builds and returns the machine for the build of the image.
	build func(w *machine) *machine
	// verdict is that of the image's build.
	verdict string
}{
	{"the same image", func(w *machine) *machine {
		w.succeeds(w.build())
		return w
	}, "used"},
	{"the image of another source", func(w *machine) *machine {
		w.write("src/main.txt", "older\n")
		w.succeeds(w.build())
		w.write("src/main.txt", "hello\n")
		return w
	}, "partly-used"},
	{"a stage of it, for the cache alone", func(w *machine) *machine {
		w.succeeds(w.run("build", "--target", "deps", "--output", "type=cacheonly", "."))
		return w
	}, "partly-used"},
	{"every step of it, for the cache alone", func(w *machine) *machine {
		w.succeeds(w.run("build", "--output", "type=cacheonly", "."))
		return w
	}, "used"},
	{"a stage of it, for a cache with zstd", func(w *machine) *machine {
		zstd := w.with(map[string]string{"LAYERCACHE_COMPRESSION": "zstd"})
		w.succeeds(zstd.run("build", "--target", "deps", "--output", "type=cacheonly", "."))
		return w
	}, "partly-used"},
	{"every step of it, for a cache with zstd", func(w *machine) *machine {
		w = w.with(map[string]string{"LAYERCACHE_COMPRESSION": "zstd"})
		w.succeeds(w.run("build", "--output", "type=cacheonly", "."))
		return w
	}, "used"},
	{"a stage of it, for a cache with another level", func(w *machine) *machine {
		w = w.with(map[string]string{"LAYERCACHE_COMPRESSION_LEVEL": "1"})
		w.succeeds(w.run("build", "--target", "deps", "--output", "type=cacheonly", "."))
		return w
	}, "partly-used"},
	{"another image that shares the cache", func(w *machine) *machine {
		dockerfile, err := os.ReadFile(filepath.Join(w.app, "Dockerfile"))
		require.NoError(w.t, err)
		w.write("other.Dockerfile", string(dockerfile)+"RUN echo other > /other\n")
		w.succeeds(w.run("build", "--push", "--tag", w.registry.Addr()+"/other:1", "--file", "other.Dockerfile", "."))
		return w
	}, "used"},
	{"an image that only copies from its stages, so the cache has them in another compression", func(w *machine) *machine {
		dockerfile, err := os.ReadFile(filepath.Join(w.app, "Dockerfile"))
		require.NoError(w.t, err)
		stages := string(dockerfile[:bytes.LastIndex(dockerfile, []byte("FROM deps"))])
		w.write("other.Dockerfile", stages+"FROM scratch\nCOPY --from=deps /app/installed /\nCOPY --from=compile /app/program /\n")
		w.succeeds(w.run("build", "--push", "--tag", w.registry.Addr()+"/other:1", "--file", "other.Dockerfile", "."))
		return w
	}, "partly-used"},
	{"a release, and the image is that of a pull request", func(w *machine) *machine {
		w.succeeds(w.run("build", "--output", "type=cacheonly", "."))
		return w.with(map[string]string{
			"LAYERCACHE_REPOSITORY":          w.registry.Addr() + "/pull-requests",
			"LAYERCACHE_FALLBACK_REPOSITORY": w.registry.Addr() + "/cache",
			"LAYERCACHE_BRANCH":              "pr-7",
		})
	}, "used"},
	{"everything, and the image's build ignores the cache", func(w *machine) *machine {
		w.succeeds(w.build())
		return w.with(map[string]string{"LAYERCACHE_REFRESH": "true"})
	}, "cold"},
}

// TestAnImageIsTheSameWhateverWasBuiltBefore compares each image with that of a cold build on another
// machine, which runs all steps at another time.
func TestAnImageIsTheSameWhateverWasBuiltBefore(t *testing.T) {
	t.Parallel()
	const epoch = "1700000000"
	dockerfiles := []struct {
		name, text string
		env        map[string]string
	}{
		{"with --link", stacked, map[string]string{"SOURCE_DATE_EPOCH": epoch}},
		{"without --link", strings.ReplaceAll(stacked, "--link ", ""), map[string]string{"SOURCE_DATE_EPOCH": epoch}},
		{"with the time in the Dockerfile", "ARG SOURCE_DATE_EPOCH=" + epoch + "\n" + stacked, nil},
	}
	for _, dockerfile := range dockerfiles {
		t.Run(dockerfile.name, func(t *testing.T) {
			t.Parallel()
			cold := bytesMachine(t, dockerfile.text, dockerfile.env)
			cold.succeeds(cold.build())
			want := bytesOf(t, cold.pulled(cold.image()))
			for _, earlier := range earlierBuilds {
				t.Run("after "+earlier.name, func(t *testing.T) {
					t.Parallel()
					w := earlier.build(bytesMachine(t, dockerfile.text, dockerfile.env))
					built := w.succeeds(w.build())
					assert.Equal(t, earlier.verdict, built.Verdict, built.log)
					assert.Equal(t, want, bytesOf(t, w.pulled(w.image())))
				})
			}
		})
	}
}

// TestCachedLayersStayThoseOfTheBuildThatMadeThem has no SOURCE_DATE_EPOCH: two runs of a step give layers with
// different times.
func TestCachedLayersStayThoseOfTheBuildThatMadeThem(t *testing.T) {
	t.Parallel()
	for _, earlier := range earlierBuilds {
		t.Run("after "+earlier.name, func(t *testing.T) {
			t.Parallel()
			w := earlier.build(bytesMachine(t, stacked, nil))
			first := w.succeeds(w.build())
			assert.Equal(t, earlier.verdict, first.Verdict, first.log)
			image := w.pulled(w.image())
			made := bytesOf(t, image).layers
			for i, layer := range ownLayers(t, image) {
				assert.Equal(t, types.OCILayer, mediaType(t, layer), "layer %d", i)
				assert.Equal(t, gzipped(t, layer), digest(t, layer), "layer %d must be compressed as a cold build compresses it", i)
			}
			delete(w.env, "LAYERCACHE_REFRESH")
			again := w.succeeds(w.build())
			assert.Equal(t, "used", again.Verdict, again.log)
			assert.Equal(t, made, bytesOf(t, w.pulled(w.image())).layers, "an unchanged image")

			w.write("LICENSE", "changed\n")
			w.succeeds(w.build())
			changed := bytesOf(t, w.pulled(w.image())).layers
			before := len(made) - 3
			assert.Equal(t, made[:before], changed[:before], "the layers before the change")
			assert.NotEqual(t, made[before], changed[before], "the layer of the change")
		})
	}
}

// ownLayers returns the layers of the image that are not those of the base.
func ownLayers(t *testing.T, image v1.Image) []v1.Layer {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	return layers[1:]
}

func mediaType(t *testing.T, layer v1.Layer) types.MediaType {
	t.Helper()
	kind, err := layer.MediaType()
	require.NoError(t, err)
	return kind
}

func digest(t *testing.T, layer v1.Layer) string {
	t.Helper()
	got, err := layer.Digest()
	require.NoError(t, err)
	return got.String()
}

// gzipped returns the digest of the layer if BuildKit's gzip compresses it at its default level.
func gzipped(t *testing.T, layer v1.Layer) string {
	t.Helper()
	files, err := layer.Uncompressed()
	require.NoError(t, err)
	defer files.Close()
	hash := sha256.New()
	writer := gzip.NewWriter(hash)
	_, err = io.Copy(writer, files)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// TestTheFormOfAnImage builds from a cache with zstd, which must not decide it.
func TestTheFormOfAnImage(t *testing.T) {
	t.Parallel()
	const (
		gzip = types.OCILayer
		zstd = types.OCILayerZStd
	)
	cases := []struct {
		name string
		env  map[string]string
		args []string
		// layers is the compression of the own layers. attestation is the form of the attestation's manifest:
		// "image", "artifact", or "" if there is none and the tag names a single manifest.
		layers      types.MediaType
		attestation string
	}{
		{"by default every registry and runtime takes it", nil, nil, gzip, "image"},
		{"zstd", map[string]string{"LAYERCACHE_IMAGE_COMPRESSION": "zstd"}, nil, zstd, "image"},
		{"attestations as OCI artifacts", map[string]string{"LAYERCACHE_ATTESTATIONS": "oci-artifact"}, nil, gzip, "artifact"},
		{"no attestations, for Lambda", map[string]string{"LAYERCACHE_ATTESTATIONS": "none"}, nil, gzip, ""},
		{"--provenance wins over no attestations", map[string]string{"LAYERCACHE_ATTESTATIONS": "none"}, []string{"--provenance=mode=max"}, gzip, "image"},
		{"--provenance=false wins over attestations", nil, []string{"--provenance=false"}, gzip, ""},
		{"the attributes of --output win", nil, []string{"--output", "type=image,push=true,compression=zstd,force-compression=true,oci-artifact=true"}, zstd, "artifact"},
		{"an --output without them has the settings", nil, []string{"-o", "type=registry"}, gzip, "image"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := bytesMachine(t, stacked, map[string]string{"LAYERCACHE_COMPRESSION": "zstd"})
			w.succeeds(w.run("build", "--output", "type=cacheonly", "."))
			for variable, value := range c.env {
				w.env[variable] = value
			}
			built := w.succeeds(w.build(c.args...))
			assert.Equal(t, "used", built.Verdict, built.log)
			for i, layer := range ownLayers(t, w.pulled(w.image())) {
				assert.Equal(t, c.layers, mediaType(t, layer), "layer %d", i)
			}
			assert.Equal(t, c.attestation, w.attestation(w.image()))
		})
	}
}

// attestation returns the form of the image's attestation, or "" if the tag names a single manifest.
func (w *machine) attestation(image string) string {
	w.t.Helper()
	ref, err := name.ParseReference(image)
	require.NoError(w.t, err)
	got, err := remote.Get(ref)
	require.NoError(w.t, err)
	if !got.MediaType.IsIndex() {
		return ""
	}
	index, err := got.ImageIndex()
	require.NoError(w.t, err)
	manifests, err := index.IndexManifest()
	require.NoError(w.t, err)
	require.Len(w.t, manifests.Manifests, 2)
	attested, err := index.Image(manifests.Manifests[1].Digest)
	require.NoError(w.t, err)
	manifest, err := attested.Manifest()
	require.NoError(w.t, err)
	raw, err := attested.RawManifest()
	require.NoError(w.t, err)
	isArtifact := strings.Contains(string(raw), `"artifactType"`)
	assert.Equal(w.t, isArtifact, manifest.Subject != nil)
	if isArtifact {
		return "artifact"
	}
	return "image"
}

// TestAnImageInATarHasTheSameForm covers the outputs that are not pushed.
func TestAnImageInATarHasTheSameForm(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"oci", "docker"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := bytesMachine(t, stacked, map[string]string{"LAYERCACHE_COMPRESSION": "zstd", "SOURCE_DATE_EPOCH": "1700000000"})
			w.succeeds(w.run("build", "--output", "type=cacheonly", "."))
			file := filepath.Join(w.tmp, "image.tar")
			w.succeeds(w.run("build", "--provenance=false", "--output", "type="+kind+",dest="+file, "."))
			w.succeeds(w.build("--provenance=false"))
			pushed := bytesOf(t, w.pulled(w.image()))
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, layer := range pushed.layers[1:] {
				_, hex, _ := strings.Cut(layer, "sha256:")
				assert.Contains(t, string(content), "blobs/sha256/"+hex, "the tar must have the layers of the pushed image")
			}
			_, hex, _ := strings.Cut(pushed.config, "sha256:")
			assert.Contains(t, string(content), "blobs/sha256/"+hex, "the tar must have the config of the pushed image")
		})
	}
}
