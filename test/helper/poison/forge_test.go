//go:build linux

package poison

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// poisoned is the content that the attacker wants in the image.
const poisoned = "poisoned\n"

// forgery is a cache with the keys of a real cache and the attacker's layers.
type forgery struct {
	manifest []byte
	blobs    []v1.Layer
}

// forge reads a cache with the given options and replaces the content of the program in each layer that
// contains it.
func (w *running) forge(repository, tag string, by []remote.Option) forgery {
	w.t.Helper()
	image, err := remote.Image(w.ref(repository, tag), by...)
	require.NoError(w.t, err)
	manifest, err := image.RawManifest()
	require.NoError(w.t, err)
	config, err := image.RawConfigFile()
	require.NoError(w.t, err)
	layers, err := image.Layers()
	require.NoError(w.t, err)
	forged, found := forgery{}, 0
	for _, layer := range layers {
		before, err := layer.Digest()
		require.NoError(w.t, err)
		content := w.content(layer)
		if other, ok := w.poison(content); ok {
			found++
			content = other.packed
			manifest, config = other.inManifest(w, manifest, before), other.inConfig(w, config, before)
		}
		forged.blobs = append(forged.blobs, static.NewLayer(content, types.OCILayer))
	}
	require.Positive(w.t, found, "the cache must have a layer with the program")
	configured := static.NewLayer(config, types.MediaType("application/vnd.buildkit.cacheconfig.v0"))
	forged.blobs = append(forged.blobs, configured)
	forged.manifest = reconfigured(w, manifest, configured)
	return forged
}

// boast forges the record of a cache: its steps take hours. The rest stays unchanged, which makes the record
// look valid.
func (w *running) boast(repository, tag string, by []remote.Option) forgery {
	w.t.Helper()
	image, err := remote.Image(w.ref(repository, tag), by...)
	require.NoError(w.t, err)
	var manifest map[string]any
	raw, err := image.RawManifest()
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(raw, &manifest))
	part := manifest["layers"].([]any)[0].(map[string]any)
	layer, err := remote.Layer(w.ref(repository, tag).Context().Digest(part["digest"].(string)), by...)
	require.NoError(w.t, err)
	var record map[string]any
	require.NoError(w.t, json.Unmarshal(w.content(layer), &record))
	for _, step := range record["steps"].([]any) {
		step.(map[string]any)["seconds"] = hours
	}
	content := encoded(w, record)
	part["digest"], part["size"] = w.hash(content).String(), len(content)
	return forgery{encoded(w, manifest), []v1.Layer{static.NewLayer(content, types.MediaType(part["mediaType"].(string)))}}
}

// hours is the duration of each step in a forged record, in seconds.
const hours = 99999

// plant pushes a forged cache. It returns the error of the first refused request.
func (w *running) plant(f forgery, repository, tag string, by []remote.Option) error {
	w.t.Helper()
	ref := w.ref(repository, tag)
	for _, blob := range f.blobs {
		if err := remote.WriteLayer(ref.Context(), blob, by...); err != nil {
			return err
		}
	}
	return remote.Put(ref, rawManifest(f.manifest), by...)
}

// rawManifest is an OCI manifest for a push.
type rawManifest []byte

func (m rawManifest) RawManifest() ([]byte, error)        { return m, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func (w *running) content(layer v1.Layer) []byte {
	w.t.Helper()
	compressed, err := layer.Compressed()
	require.NoError(w.t, err)
	defer compressed.Close()
	content, err := io.ReadAll(compressed)
	require.NoError(w.t, err)
	return content
}

// layer is a layer that the attacker made.
type layer struct {
	packed []byte
	// digest is the digest of the compressed layer, plain that of its uncompressed content.
	digest, plain v1.Hash
}

// compressions are the compressions of cache layers.
var compressions = []struct {
	magic  string
	reader func(io.Reader) (io.Reader, error)
	writer func(io.Writer) (io.WriteCloser, error)
}{
	{"\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }},
	{"\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
		func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }},
}

// poison returns the layer with other content in the program. ok reports whether the layer contains the
// program.
func (w *running) poison(packed []byte) (other layer, ok bool) {
	w.t.Helper()
	for _, compression := range compressions {
		if !bytes.HasPrefix(packed, []byte(compression.magic)) {
			continue
		}
		plain, err := compression.reader(bytes.NewReader(packed))
		require.NoError(w.t, err)
		content, found := w.rewrite(plain)
		var out bytes.Buffer
		writer, err := compression.writer(&out)
		require.NoError(w.t, err)
		_, err = writer.Write(content)
		require.NoError(w.t, err)
		require.NoError(w.t, writer.Close())
		return layer{out.Bytes(), w.hash(out.Bytes()), w.hash(content)}, found
	}
	require.Fail(w.t, "a layer has an unknown compression", "%.10q", packed)
	return layer{}, false
}

func (w *running) hash(content []byte) v1.Hash {
	w.t.Helper()
	hash, _, err := v1.SHA256(bytes.NewReader(content))
	require.NoError(w.t, err)
	return hash
}

// program returns the content of the program in the release's image.
func (w *running) program() string {
	w.t.Helper()
	layers, err := w.read(w.image, "latest").Layers()
	require.NoError(w.t, err)
	require.Len(w.t, layers, 1)
	packed := w.content(layers[0])
	for _, compression := range compressions {
		if !bytes.HasPrefix(packed, []byte(compression.magic)) {
			continue
		}
		plain, err := compression.reader(bytes.NewReader(packed))
		require.NoError(w.t, err)
		archive := tar.NewReader(plain)
		header, err := archive.Next()
		require.NoError(w.t, err)
		require.Equal(w.t, "program", header.Name)
		text, err := io.ReadAll(archive)
		require.NoError(w.t, err)
		return string(text)
	}
	return ""
}

// rewrite returns the tar archive with other content in the program, and whether it contains the program.
func (w *running) rewrite(archive io.Reader) (content []byte, found bool) {
	w.t.Helper()
	var out bytes.Buffer
	from, to := tar.NewReader(archive), tar.NewWriter(&out)
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(w.t, err)
		text, err := io.ReadAll(from)
		require.NoError(w.t, err)
		if path.Base(header.Name) == "program" {
			text, found = []byte(poisoned), true
			header.Size = int64(len(text))
		}
		require.NoError(w.t, to.WriteHeader(header))
		_, err = to.Write(text)
		require.NoError(w.t, err)
	}
	require.NoError(w.t, to.Close())
	return out.Bytes(), found
}

// inManifest returns a cache's manifest in which the layer replaces the layer before.
func (l layer) inManifest(w *running, manifest []byte, before v1.Hash) []byte {
	w.t.Helper()
	var parsed v1.Manifest
	require.NoError(w.t, json.Unmarshal(manifest, &parsed))
	for i, part := range parsed.Layers {
		if part.Digest == before {
			parsed.Layers[i].Digest, parsed.Layers[i].Size = l.digest, int64(len(l.packed))
			parsed.Layers[i].Annotations["containerd.io/uncompressed"] = l.plain.String()
		}
	}
	return encoded(w, parsed)
}

// inConfig returns a cache's config in which the layer replaces the layer before. The keys stay the same.
//
// https://github.com/moby/buildkit/blob/v0.33.0/cache/remotecache/v1/types/spec.go
func (l layer) inConfig(w *running, config []byte, before v1.Hash) []byte {
	return bytes.ReplaceAll(config, []byte(before.String()), []byte(l.digest.String()))
}

func reconfigured(w *running, manifest []byte, config v1.Layer) []byte {
	w.t.Helper()
	var parsed v1.Manifest
	require.NoError(w.t, json.Unmarshal(manifest, &parsed))
	digest, err := config.Digest()
	require.NoError(w.t, err)
	parsed.Config.Digest = digest
	parsed.Config.Size, err = config.Size()
	require.NoError(w.t, err)
	return encoded(w, parsed)
}

func encoded(w *running, value any) []byte {
	w.t.Helper()
	text, err := json.Marshal(value)
	require.NoError(w.t, err)
	return text
}

// evilBase returns a base image in which cat prints the attacker's text.
func (w *running) evilBase() v1.Image {
	w.t.Helper()
	script := "#!/bin/sh\necho " + strings.TrimSpace(poisoned) + "\n"
	var content bytes.Buffer
	out := tar.NewWriter(&content)
	require.NoError(w.t, out.WriteHeader(&tar.Header{Name: "bin/cat", Mode: 0o755, Size: int64(len(script)), Typeflag: tar.TypeReg}))
	_, err := io.WriteString(out, script)
	require.NoError(w.t, err)
	require.NoError(w.t, out.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil })
	require.NoError(w.t, err)
	image, err := mutate.AppendLayers(w.read(w.mirror, "1.37"), layer)
	require.NoError(w.t, err)
	return image
}
