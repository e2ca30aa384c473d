package scenarios

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/baseimage"
)

// commands are the only commands in the base images. The busybox image has about 400, each a link, and
// unpacking them would take most of a builder's time.
var commands = []string{"busybox", "sh", "cat", "echo", "wc"}

// system returns busybox with only these commands. It is built once.
var system = sync.OnceValues(func() (v1.Image, error) {
	whole, _, err := baseimage.Provide(context.Background(), name.MustParseReference("public.ecr.aws/docker/library/busybox:1.37"))
	if err != nil {
		return nil, err
	}
	config, err := whole.ConfigFile()
	if err != nil {
		return nil, err
	}
	content, err := onlyCommands(whole)
	if err != nil {
		return nil, err
	}
	opened := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	layer, err := tarball.LayerFromOpener(opened, tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: config.OS, Architecture: config.Architecture, Config: config.Config, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, layer)
})

// onlyCommands returns the image's files as a tar archive, without the links for other commands.
func onlyCommands(image v1.Image) ([]byte, error) {
	files := mutate.Extract(image)
	defer files.Close()
	var content bytes.Buffer
	from, to := tar.NewReader(files), tar.NewWriter(&content)
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return content.Bytes(), to.Close()
		}
		if err != nil {
			return nil, err
		}
		link := header.Typeflag == tar.TypeLink || header.Typeflag == tar.TypeSymlink
		if link && path.Dir(path.Clean(header.Name)) == "bin" && !slices.Contains(commands, path.Base(header.Name)) {
			continue
		}
		if err := to.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := io.Copy(to, from); err != nil {
			return nil, err
		}
	}
}

// pushBase pushes a new bases.example/TAG: the system and a file /release with the given text.
func (w *machine) pushBase(tag, release string) {
	w.t.Helper()
	w.push("bases/"+tag, w.base(release))
}

func (w *machine) base(release string) v1.Image {
	w.t.Helper()
	image, err := system()
	require.NoError(w.t, err)
	layer, err := crane.Layer(map[string][]byte{"release": []byte(release)})
	require.NoError(w.t, err)
	image, err = mutate.AppendLayers(image, layer)
	require.NoError(w.t, err)
	return image
}

// pushesBase pushes a new base image.
func pushesBase(tag, release string) func(*machine) {
	return func(w *machine) { w.pushBase(tag, release) }
}

// pushesTrigger pushes a new bases.example/onbuild:1, a base image with an ONBUILD instruction.
func pushesTrigger(instruction string) func(*machine) {
	return func(w *machine) {
		image, err := mutate.Config(w.base("first"), v1.Config{OnBuild: []string{instruction}, Env: []string{"PATH=/bin"}})
		require.NoError(w.t, err)
		w.push("bases/onbuild:1", image)
	}
}
