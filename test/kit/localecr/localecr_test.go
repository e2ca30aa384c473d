package localecr_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
)

func start(t *testing.T, config localecr.Config) *localecr.Server {
	t.Helper()
	config.Dir = t.TempDir()
	server, err := localecr.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}

func reference(t *testing.T, text string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(text)
	require.NoError(t, err)
	return ref
}

func newImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(5000, 3)
	require.NoError(t, err)
	return image
}

func TestPushedImageCanBePulled(t *testing.T) {
	server := start(t, localecr.Config{})
	ref := reference(t, server.Addr()+"/team/app:1")
	image := newImage(t)
	require.NoError(t, remote.Write(ref, image))
	pulled, err := remote.Image(ref)
	require.NoError(t, err)
	assert.NoError(t, validate.Image(pulled))
}

func TestBlobsBelongToTheirRepository(t *testing.T) {
	server := start(t, localecr.Config{})
	image := newImage(t)
	require.NoError(t, remote.Write(reference(t, server.Addr()+"/team/app:1"), image))
	layers, err := image.Layers()
	require.NoError(t, err)
	digest, err := layers[0].Digest()
	require.NoError(t, err)

	for repository, want := range map[string]int{"team/app": http.StatusOK, "team/other": http.StatusNotFound} {
		answer, err := http.Head("http://" + server.Addr() + "/v2/" + repository + "/blobs/" + digest.String())
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, want, answer.StatusCode, repository)
	}
}

func TestAccessLog(t *testing.T) {
	server := start(t, localecr.Config{})
	ref := reference(t, server.Addr()+"/team/app:1")
	image := newImage(t)
	require.NoError(t, remote.Write(ref, image))
	_, err := remote.Get(ref)
	require.NoError(t, err)
	_, err = remote.Get(reference(t, server.Addr()+"/team/app:2"))
	require.Error(t, err)

	manifest, err := image.RawManifest()
	require.NoError(t, err)
	size := int64(len(manifest))
	log := server.Log()
	assert.Contains(t, log, localecr.Entry{Method: "PUT", Path: "/v2/team/app/manifests/1", Status: http.StatusCreated, Received: size})
	assert.Contains(t, log, localecr.Entry{Method: "GET", Path: "/v2/team/app/manifests/1", Status: http.StatusOK, Sent: size})
	last := log[len(log)-1]
	assert.Equal(t, "/v2/team/app/manifests/2", last.Path)
	assert.Equal(t, http.StatusNotFound, last.Status)
}

func TestPullThrough(t *testing.T) {
	image := newImage(t)
	var asked []string
	var imports []localecr.Import
	server := start(t, localecr.Config{
		Provide: func(_ context.Context, ref name.Reference) (v1.Image, string, error) {
			asked = append(asked, ref.Name())
			return image, "made for the test", nil
		},
		Imported: func(done localecr.Import) { imports = append(imports, done) },
	})
	ref := reference(t, server.Addr()+"/ecr-public/docker/library/golang:1.26-alpine")
	digest, err := image.Digest()
	require.NoError(t, err)
	_, err = remote.Get(ref.Context().Digest(digest.String()))
	require.ErrorContains(t, err, "NAME_UNKNOWN", "a first pull by digest must not import the image")
	require.Empty(t, asked)
	for range 2 {
		pulled, err := remote.Image(ref)
		require.NoError(t, err)
		require.NoError(t, validate.Image(pulled))
	}
	assert.Equal(t, []string{"public.ecr.aws/docker/library/golang:1.26-alpine"}, asked, "the upstream must be asked only once")
	require.Len(t, imports, 1)
	assert.Equal(t, "made for the test", imports[0].Origin)

	_, err = remote.Image(ref.Context().Digest(digest.String()))
	assert.NoError(t, err, "an image that was pulled by tag must be available by digest")
}

func TestParallelPullsAskTheUpstreamOnce(t *testing.T) {
	image := newImage(t)
	var asked atomic.Int32
	server := start(t, localecr.Config{Provide: func(context.Context, name.Reference) (v1.Image, string, error) {
		asked.Add(1)
		return image, "", nil
	}})
	var pulls sync.WaitGroup
	for range 8 {
		pulls.Go(func() {
			_, err := remote.Head(reference(t, server.Addr()+"/quay/team/app:1"))
			assert.NoError(t, err)
		})
	}
	pulls.Wait()
	assert.Equal(t, int32(1), asked.Load())
}

func TestPullThroughUpstreams(t *testing.T) {
	cases := map[string]struct{ pulled, want string }{
		"ecr-public is the public gallery":  {"ecr-public/docker/library/golang:1", "public.ecr.aws/docker/library/golang:1"},
		"k8s is the registry of Kubernetes": {"k8s/pause:3", "registry.k8s.io/pause:3"},
		"quay is Quay":                      {"quay/team/app:1", "quay.io/team/app:1"},
		"docker-hub is Docker Hub":          {"docker-hub/library/golang:1", "registry-1.docker.io/library/golang:1"},
		"an unknown prefix has no upstream": {"team/app:1", ""},
		"a prefix alone has no upstream":    {"quay:1", ""},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			var asked string
			server := start(t, localecr.Config{Provide: func(_ context.Context, ref name.Reference) (v1.Image, string, error) {
				asked = ref.Name()
				return nil, "", errors.New("no upstream in this test")
			}})
			_, err := remote.Head(reference(t, server.Addr()+"/"+c.pulled))
			assert.Error(t, err)
			assert.Equal(t, c.want, asked)
		})
	}
}

func TestUpstreamsOfRules(t *testing.T) {
	rules := map[string]string{
		"hub": "registry-1.docker.io", "team/hub": "registry-1.docker.io", "team": "444455556666.dkr.ecr.eu-west-1.amazonaws.com/team", localecr.Root: "quay.io",
	}
	cases := map[string]struct{ repository, want string }{
		"the rest of the name follows the host":           {"hub/library/golang", "registry-1.docker.io/library/golang"},
		"a prefix may have several parts":                 {"team/hub/library/golang", "registry-1.docker.io/library/golang"},
		"an upstream may have a prefix":                   {"team/shop", "444455556666.dkr.ecr.eu-west-1.amazonaws.com/team/shop"},
		"the root is for all other repositories":          {"prometheus/node", "quay.io/prometheus/node"},
		"a name that starts with a prefix does not match": {"hubs/golang", "quay.io/hubs/golang"},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			got, ok := localecr.Upstream(rules, c.repository)
			assert.True(t, ok)
			assert.Equal(t, c.want, got)
		})
	}
	_, ok := localecr.Upstream(map[string]string{"hub": "registry-1.docker.io"}, "team/shop")
	assert.False(t, ok, "a repository without a rule must have no upstream")
}

func TestAFailedPullThroughReturnsTheCause(t *testing.T) {
	server := start(t, localecr.Config{Provide: func(context.Context, name.Reference) (v1.Image, string, error) {
		return nil, "", errors.New("no upstream in this test")
	}})
	_, err := remote.Get(reference(t, server.Addr()+"/quay/team/app:1"))
	assert.ErrorContains(t, err, "MANIFEST_UNKNOWN")
	assert.ErrorContains(t, err, "no upstream in this test")
}
