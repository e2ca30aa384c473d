//go:build linux

package faults

import (
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
)

// host is the registry of the account with the cache; images go elsewhere.
const host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"

// signIns is a baseline with a registry like ECR, for builds whose cache is there.
type signIns struct {
	*baseline
	ecr *ecrhost.Server
	dir string
}

func newSignIns(t *testing.T, w *baseline) *signIns {
	t.Helper()
	s := &signIns{baseline: w, dir: t.TempDir()}
	var err error
	s.ecr, err = ecrhost.Start(ecrhost.Config{Dir: s.dir, Registries: map[string]ecrhost.Registry{host: {}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.ecr.Close()) })
	return s
}

// api returns the API that issues tokens.
func (s *signIns) api() http.Handler {
	endpoint, err := url.Parse(s.ecr.Endpoint())
	if err != nil {
		panic(err)
	}
	return httputil.NewSingleHostReverseProxy(endpoint)
}

// moveToECR gives the cell a good cache in ECR, the registry's name and certificate, and credentials of an
// account that signs in at the front.
func (s *signIns) moveToECR(c *cell, front *front) {
	c.t.Helper()
	s.plantInECR(c.t, c.name)
	hosts, err := os.ReadFile(filepath.Join(s.dir, "hosts"))
	require.NoError(c.t, err)
	authority, err := os.ReadFile(filepath.Join(s.dir, "ca.pem"))
	require.NoError(c.t, err)
	c.hosts, c.trusted, c.repository = string(hosts), string(authority), host+"/"+c.name
	for _, variable := range append(s.ecr.Environ()[1:], s.ecr.Credentials()...) {
		name, value, _ := strings.Cut(variable, "=")
		c.env[name] = value
	}
	c.env["AWS_ENDPOINT_URL_ECR"] = "https://" + front.host()
}

// plantInECR puts the good cache into a repository in ECR.
func (s *signIns) plantInECR(t *testing.T, repository string) {
	t.Helper()
	require.NoError(t, s.ecr.CreateRepository(host, repository, ecrhost.Repository{}))
	for _, tag := range []string{tag, tag + "--steps"} {
		image, err := remote.Image(s.ref(t, seed+":"+tag))
		require.NoError(t, err)
		ref, err := name.ParseReference(host + "/" + repository + ":" + tag)
		require.NoError(t, err)
		require.NoError(t, remote.Write(ref, image, s.options()...))
	}
}

// goodInECR checks that every part of a cache in ECR can be read.
func (s *signIns) goodInECR(t *testing.T, repository string) {
	t.Helper()
	ref, err := name.ParseReference(host + "/" + repository + ":" + tag)
	require.NoError(t, err)
	image, err := remote.Image(ref, s.options()...)
	require.NoError(t, err)
	manifest, err := image.Manifest()
	require.NoError(t, err)
	for _, part := range append(manifest.Layers, manifest.Config) {
		blob, err := remote.Layer(ref.Context().Digest(part.Digest.String()), s.options()...)
		require.NoError(t, err)
		content, err := blob.Compressed()
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, content)
		assert.NoError(t, errors.Join(err, content.Close()), "every part of the cache must be readable")
	}
}

// options returns options with credentials for the registry.
func (s *signIns) options() []remote.Option {
	token := s.ecr.Token(ecrhost.Own, time.Hour)
	return []remote.Option{remote.WithTransport(s.ecr.Transport()), remote.WithAuth(&authn.Basic{Username: "AWS", Password: token})}
}
