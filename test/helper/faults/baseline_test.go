//go:build linux

package faults

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/test/kit/localecr"
)

// dockerfile builds a reproducible image: the file that a step writes has a fixed time.
const dockerfile = `FROM bases.test/tiny:1 AS build
WORKDIR /app
COPY deps.txt .
RUN cat deps.txt > installed
COPY src.txt .
RUN cat installed src.txt > program && touch -d '1970-01-02 00:00:00' program
FROM scratch
COPY --from=build --link /app/program /program
`

// tag is the tag of the cache.
var tag = "shop--linux-" + runtime.GOARCH + "--main"

// seed is the repository of the good cache.
const seed = "seed"

const architecture = runtime.GOARCH

// baseline is what the cells share: a registry, a name server, and the results of a build without faults.
type baseline struct {
	registry  *localecr.Server
	blobs     string
	names     *names
	authority *authority
	// deps is so large that a slow server needs minutes for it.
	deps []byte
	// good is the cache of the first source.
	good cache
	// before is the image of the first source, program that of the second, both built without faults.
	before, program string
	// seconds is the duration of a build of the second source with the good cache.
	seconds float64
	// number counts the cells; used are the caches that a build has used.
	number atomic.Int64
	used   sync.Map
}

func newBaseline(t *testing.T) *baseline {
	t.Helper()
	w := &baseline{blobs: t.TempDir(), names: startNames(t), authority: newAuthority(t), deps: make([]byte, 192<<10)}
	server, err := localecr.Start(localecr.Config{Dir: w.blobs})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	w.registry = server
	_, _ = rand.NewChaCha8([32]byte{1}).Read(w.deps)
	require.NoError(t, remote.Write(w.ref(t, "bases/tiny:1"), tiny(t)))

	c := w.cell(t, seed)
	c.write("src.txt", []byte("first\n"))
	c.build().succeeds(t)
	w.before = w.imageOf(t, seed)
	w.good, err = w.read(t, seed)
	require.NoError(t, err)

	plain := w.cell(t, "plain")
	plain.env["LAYERCACHE_MODE"] = "off"
	plain.build().succeeds(t)
	w.program = w.imageOf(t, "plain")

	healthy := w.cell(t, "healthy")
	w.plant(t, "healthy")
	o := healthy.build()
	o.succeeds(t)
	require.Equal(t, "partly-used", o.Verdict, o.log)
	require.Equal(t, w.program, w.imageOf(t, "healthy"), "the image must be the same with and without the cache")
	w.seconds = o.seconds
	next, err := w.read(t, "healthy")
	require.NoError(t, err)
	require.NotEqual(t, w.good.knows, next.knows)
	return w
}

// tiny returns busybox with only the commands that the Dockerfile needs, because unpacking all links takes
// time.
func tiny(t *testing.T) v1.Image {
	t.Helper()
	whole, _, err := baseimage.Provide(context.Background(), name.MustParseReference("public.ecr.aws/docker/library/busybox:1.37"))
	require.NoError(t, err)
	config, err := whole.ConfigFile()
	require.NoError(t, err)
	files := mutate.Extract(whole)
	defer files.Close()
	var content bytes.Buffer
	from, to := tar.NewReader(files), tar.NewWriter(&content)
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		link := header.Typeflag == tar.TypeLink || header.Typeflag == tar.TypeSymlink
		if link && !slices.Contains([]string{"busybox", "sh", "cat", "touch", "sleep", "dd"}, filepath.Base(header.Name)) {
			continue
		}
		require.NoError(t, to.WriteHeader(header))
		_, err = io.Copy(to, from)
		require.NoError(t, err)
	}
	require.NoError(t, to.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil })
	require.NoError(t, err)
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: config.OS, Architecture: config.Architecture, Config: config.Config, RootFS: v1.RootFS{Type: "layers"},
	})
	require.NoError(t, err)
	image, err = mutate.AppendLayers(image, layer)
	require.NoError(t, err)
	return image
}

func (w *baseline) ref(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(w.registry.Addr() + "/" + ref)
	require.NoError(t, err)
	return parsed
}
