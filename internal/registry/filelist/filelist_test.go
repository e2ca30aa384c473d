package filelist

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func layer(t *testing.T, headers ...tar.Header) *bytes.Buffer {
	t.Helper()
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	for _, header := range headers {
		header.Format = tar.FormatPAX
		require.NoError(t, w.WriteHeader(&header))
	}
	require.NoError(t, w.Close())
	return &content
}

func dir(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}
}
func file(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644} }
func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func TestApply(t *testing.T) {
	folder := File{Kind: Directory, Mode: 0o755, Plain: true}
	regular := File{Kind: Regular, Mode: 0o644, Plain: true}
	cases := []struct {
		name   string
		layers [][]tar.Header
		want   map[string]File
	}{
		{"names have any form", [][]tar.Header{{dir("./a"), file("/a/x"), file("a/./y")}}, map[string]File{"/a": folder, "/a/x": regular, "/a/y": regular}},
		{"a later layer changes a folder and keeps its files", [][]tar.Header{{dir("a"), file("a/x")}, {{Typeflag: tar.TypeDir, Name: "a", Mode: 0o1777, Uid: 5, Gid: 6}}},
			map[string]File{"/a": {Kind: Directory, Mode: 0o1777, UID: 5, GID: 6, Plain: true}, "/a/x": regular}},
		{"a whiteout removes a folder with its files", [][]tar.Header{{dir("a"), dir("a/b"), file("a/b/x"), file("a/c")}, {file("a/.wh.b")}}, map[string]File{"/a": folder, "/a/c": regular}},
		{"a whiteout keeps what its own layer has, in any order", [][]tar.Header{{dir("a"), file("a/old")}, {file("a/new"), file(".wh.a"), dir("a")}}, map[string]File{"/a": folder, "/a/new": regular}},
		{"an opaque folder loses the files of the layers below", [][]tar.Header{{dir("a"), file("a/old")}, {file("a/new"), file("a/.wh..wh..opq")}}, map[string]File{"/a": folder, "/a/new": regular}},
		{"a symlink replaces a folder with its files", [][]tar.Header{{dir("a"), file("a/x")}, {link("a", "b")}}, map[string]File{"/a": {Kind: Symlink, Mode: 0o777, Target: "b", Plain: true}}},
		{"a hard link is what its target is", [][]tar.Header{{file("x")}, {{Typeflag: tar.TypeLink, Name: "y", Linkname: "/x"}}}, map[string]File{"/x": regular, "/y": regular}},
		{"a hard link to nothing is not known", [][]tar.Header{{{Typeflag: tar.TypeLink, Name: "y", Linkname: "x"}}}, map[string]File{"/y": {Plain: true}}},
		{"a folder without an entry is not plain", [][]tar.Header{{file("a/b/x")}}, map[string]File{"/a": {Kind: Directory}, "/a/b": {Kind: Directory}, "/a/b/x": regular}},
		{"a folder with attributes is not plain", [][]tar.Header{{{Typeflag: tar.TypeDir, Name: "a", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}}}},
			map[string]File{"/a": {Kind: Directory, Mode: 0o755}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]File{}
			for _, headers := range c.layers {
				require.NoError(t, applyLayer(t.Context(), files, layer(t, headers...)))
			}
			assert.Equal(t, c.want, files)
		})
	}
}

func TestApplyRefusesWhatItCannotPlace(t *testing.T) {
	files := map[string]File{}
	require.NoError(t, applyLayer(t.Context(), files, layer(t, link("lib", "usr/lib"))))
	assert.ErrorContains(t, applyLayer(t.Context(), files, layer(t, file("lib/x"))), "/lib, which is not a folder")
	assert.Error(t, applyLayer(t.Context(), files, strings.NewReader("this is no tar archive"+strings.Repeat(" ", 1024))))
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("it takes too long"))
	assert.ErrorContains(t, applyLayer(ended, files, layer(t, file("x"))), "it takes too long")
}

func TestRead(t *testing.T) {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	reference := func(tag string) name.Reference {
		ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/base:" + tag)
		require.NoError(t, err)
		return ref
	}
	image, err := random.Image(4096, 2)
	require.NoError(t, err)
	image, err = mutate.Config(image, v1.Config{WorkingDir: "/app", User: "5", OnBuild: []string{"RUN x"}})
	require.NoError(t, err)
	require.NoError(t, remote.Write(reference("one"), image))
	var index v1.ImageIndex = empty.Index
	for _, architecture := range []string{"amd64", "s390x", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	require.NoError(t, remote.WriteIndex(reference("many"), index))
	options := Options{
		Keychain: authn.DefaultKeychain, MaxBytes: 1 << 20,
		Platforms: []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}},
	}

	one, err := Read(t.Context(), reference("one"), options)
	require.NoError(t, err)
	require.Len(t, one, 1)
	assert.Equal(t, "/app", one[0].WorkingDir)
	assert.Equal(t, "5", one[0].User)
	assert.True(t, one[0].Triggers)
	assert.Len(t, one[0].Files, 2)
	assert.Contains(t, one[0].Digest, "sha256:")
	many, err := Read(t.Context(), reference("many"), options)
	require.NoError(t, err)
	assert.Len(t, many, 2, "the platforms that are asked for")

	_, err = Read(t.Context(), reference("none"), options)
	assert.Error(t, err)
	options.MaxBytes = 4096
	_, err = Read(t.Context(), reference("one"), options)
	assert.ErrorIs(t, err, errTooLarge)
	options.Platforms = []v1.Platform{{OS: "linux", Architecture: "riscv64"}}
	_, err = Read(t.Context(), reference("many"), options)
	assert.ErrorContains(t, err, "none of the platforms")
}
