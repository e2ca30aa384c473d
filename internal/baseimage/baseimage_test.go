package baseimage_test

import (
	"archive/tar"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/baseimage"
)

// closed starts a registry that refuses every request, like the proxy of a closed network.
func closed(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not from here", http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func provide(t *testing.T, reference string) (v1.Image, string, error) {
	t.Helper()
	ref, err := name.ParseReference(reference)
	require.NoError(t, err)
	return baseimage.Provide(t.Context(), ref)
}

func TestProvidePullsImagesThatExist(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	want, err := random.Image(1000, 2)
	require.NoError(t, err)
	config, err := want.ConfigFile()
	require.NoError(t, err)
	config.OS, config.Architecture = baseimage.Platform().OS, baseimage.Platform().Architecture
	want, err = mutate.ConfigFile(want, config)
	require.NoError(t, err)
	ref, err := name.ParseReference(host + "/golang:1")
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, want))

	got, origin, err := baseimage.Provide(t.Context(), ref)
	require.NoError(t, err)
	assert.Equal(t, "pulled from "+host, origin)
	assert.Equal(t, digest(t, want), digest(t, got))

	_, _, err = provide(t, host+"/golang:2")
	assert.ErrorContains(t, err, "does not exist", "there must be no stand-in for an image that the registry does not have")
}

func TestProvideMakesStandIns(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	host := closed(t)

	t.Run("busybox has a shell, users, certificates and a place for temporary files", func(t *testing.T) {
		image, origin, err := provide(t, host+"/library/busybox:1.37")
		require.NoError(t, err)
		assert.Contains(t, origin, "busybox")
		files := list(t, image)
		for _, file := range []string{"bin/busybox", "bin/sh", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "tmp/"} {
			assert.Contains(t, files, file)
		}
	})

	t.Run("golang has a toolchain without the parts that no build reads", func(t *testing.T) {
		image, origin, err := provide(t, host+"/library/golang:1.26-alpine")
		require.NoError(t, err)
		assert.Contains(t, origin, "go1.")
		files := list(t, image)
		assert.Contains(t, files, "usr/local/go/bin/go")
		assert.Contains(t, files, "usr/local/go/src/net/http/server.go")
		assert.Contains(t, files, "bin/sh")
		assert.NotContains(t, files, "usr/local/go/src/net/http/serve_test.go")
		assert.Less(t, total(files), int64(200<<20))
		config, err := image.ConfigFile()
		require.NoError(t, err)
		assert.Contains(t, config.Config.Env, "GOTOOLCHAIN=local")
		assert.Equal(t, "linux", config.OS)

		started := time.Now()
		again, _, err := provide(t, host+"/library/golang:1.26-alpine")
		require.NoError(t, err)
		assert.Equal(t, digest(t, image), digest(t, again))
		assert.Less(t, time.Since(started), time.Second, "the second call must only open the image")
	})

	t.Run("the same content has the same digest", func(t *testing.T) {
		first, _, err := provide(t, host+"/alpine:3")
		require.NoError(t, err)
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		second, _, err := provide(t, host+"/alpine:3")
		require.NoError(t, err)
		assert.Equal(t, digest(t, first), digest(t, second))
	})

	t.Run("other images have no stand-in", func(t *testing.T) {
		_, _, err := provide(t, host+"/library/postgres:18")
		assert.ErrorContains(t, err, "403")
		assert.ErrorContains(t, err, `there is no stand-in for "postgres"`)
	})
}

func TestStandInNeedsBusybox(t *testing.T) {
	host := closed(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	_, err := exec.LookPath("busybox")
	require.Error(t, err)
	_, _, err = provide(t, host+"/busybox:1")
	assert.ErrorContains(t, err, "apt-get install busybox-static")
}

func digest(t *testing.T, image v1.Image) v1.Hash {
	t.Helper()
	hash, err := image.Digest()
	require.NoError(t, err)
	return hash
}

// list returns the size of every file of the image.
func list(t *testing.T, image v1.Image) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	layers, err := image.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		require.NoError(t, err)
		for archive := tar.NewReader(content); ; {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			files[header.Name] = header.Size
		}
		require.NoError(t, content.Close())
	}
	return files
}

func total(files map[string]int64) (sum int64) {
	for _, size := range files {
		sum += size
	}
	return sum
}
