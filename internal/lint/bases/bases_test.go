package bases

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

// host starts a registry with images and returns its address, and the paths of its requests.
func host(t *testing.T, images ...string) (string, *[]string) {
	t.Helper()
	var requests []string
	handler := registry.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.URL.Path)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	for _, image := range images {
		ref, err := name.ParseReference(address + "/" + image)
		require.NoError(t, err)
		content, err := random.Image(1024, 1)
		require.NoError(t, err)
		require.NoError(t, remote.Write(ref, content))
	}
	requests = nil
	return address, &requests
}

func options(said *[]string, mirrors ...variables.Mirror) Options {
	return Options{
		Mirrors:  mirrors,
		Keychain: func(context.Context, []string) (authn.Keychain, error) { return authn.DefaultKeychain, nil },
		Progress: func(text string) { *said = append(*said, text) },
	}
}

func TestAnImageIsReadOnce(t *testing.T) {
	address, requests := host(t, "base:1")
	var said []string
	read := New(t.Context(), options(&said))
	first, err := read(address+"/base:1", "")
	require.NoError(t, err)
	require.Len(t, first, 1)
	assert.Len(t, first[0].Files, 1)
	count := len(*requests)
	_, err = read(address+"/base:1", "")
	require.NoError(t, err)
	assert.Len(t, *requests, count)
	assert.Len(t, said, 1)

	_, err = read(address+"/none:1", "")
	require.Error(t, err)
	_, again := read(address+"/none:1", "")
	assert.Equal(t, err, again)
	require.Len(t, said, 3)
	assert.Contains(t, said[2], "cannot be read, so --link is not proven on it")
}

func TestMirrorsAreAskedFirst(t *testing.T) {
	mirror, _ := host(t, "docker-hub/library/debian:12")
	empty, asked := host(t)
	var said []string
	read := New(t.Context(), options(&said, variables.Mirror{Upstream: "docker.io", Location: empty + "/hub"}, variables.Mirror{Upstream: "docker.io", Location: mirror + "/docker-hub"},
		variables.Mirror{Upstream: "quay.io", Location: mirror + "/quay"}))
	images, err := read("debian:12", "")
	require.NoError(t, err, "neither the first mirror nor Docker Hub has it")
	assert.Len(t, images, 1)
	assert.Contains(t, *asked, "/v2/hub/library/debian/manifests/12")
}

func TestTheLocationsOfAnImage(t *testing.T) {
	digest := "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	o := Options{Mirrors: []variables.Mirror{{Upstream: "docker.io", Location: "m.example/hub"}, {Upstream: "quay.io", Location: "m.example"}}}
	for image, want := range map[string][]string{
		"debian":                     {"m.example/hub/library/debian:latest", "debian"},
		"bitnami/node:20":            {"m.example/hub/bitnami/node:20", "bitnami/node:20"},
		"docker.io/library/debian:1": {"m.example/hub/library/debian:1", "docker.io/library/debian:1"},
		"quay.io/a/b" + digest:       {"m.example/a/b" + digest, "quay.io/a/b" + digest},
		"ghcr.io/a/b:1":              {"ghcr.io/a/b:1"},
	} {
		got, err := o.locations(image)
		require.NoError(t, err)
		assert.Equal(t, want, got, image)
	}
	_, err := o.locations("UPPER CASE")
	assert.Error(t, err)
}

func TestThePlatforms(t *testing.T) {
	for platform, want := range map[string]int{"": 2, "$BUILDPLATFORM": 2, "linux/arm64": 1} {
		got, err := platformsOf(platform)
		require.NoError(t, err)
		assert.Len(t, got, want, platform)
	}
	_, err := platformsOf("a/b/c/d")
	assert.Error(t, err)
}

func TestTheLimits(t *testing.T) {
	address, _ := host(t, "base:1")
	var said []string
	small := options(&said)
	small.MaxBytes = 10
	_, err := New(t.Context(), small)(address+"/base:1", "")
	assert.ErrorContains(t, err, "larger than the limit")

	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	short := options(&said)
	short.Timeout = 50 * time.Millisecond
	_, err = New(t.Context(), short)(strings.TrimPrefix(slow.URL, "http://")+"/base:1", "")
	assert.ErrorContains(t, err, "it takes longer than 50ms")
}
