package run

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/variables"
)

func TestTheRoleForEachRegistry(t *testing.T) {
	const (
		imageHost    = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
		cacheHost    = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"
		fallbackHost = "777788889999.dkr.ecr.us-east-1.amazonaws.com"
		role         = "arn:aws:iam::444455556666:role/cache"
	)
	cases := []struct {
		name, role, repository, mirror, config string
		want                                   map[string]string
		warning                                string
	}{
		{"without a role, our own identity everywhere", "", cacheHost, "", `{}`, map[string]string{imageHost: "", cacheHost: "", fallbackHost: ""}, ""},
		{"a role signs in to the cache repositories", role, cacheHost, "", `{}`, map[string]string{imageHost: "", cacheHost: role, fallbackHost: role}, ""},
		{"not for a host that also has the image", role, imageHost, "", `{}`, map[string]string{imageHost: "", fallbackHost: role},
			"LAYERCACHE_REPOSITORY_ROLE is not assumed: the build's images or mirrors are in " + imageHost + " too, and Docker has one sign-in for each host"},
		{"not for a host that also has a mirror", role, cacheHost, cacheHost, `{}`, map[string]string{imageHost: "", cacheHost: "", fallbackHost: role},
			"LAYERCACHE_REPOSITORY_ROLE is not assumed: the build's images or mirrors are in " + cacheHost + " too"},
		{"the user's own sign-in is kept", "", cacheHost, "", `{"auths":{"` + imageHost + `":{}}}`, map[string]string{cacheHost: "", fallbackHost: ""}, ""},
		{"the user's own helper is kept", "", cacheHost, "", `{"credHelpers":{"` + cacheHost + `":"ecr-login"}}`, map[string]string{imageHost: "", fallbackHost: ""}, ""},
		{"the user's own sign-in for the cache is kept, with a warning", role, cacheHost, "", `{"auths":{"` + cacheHost + `":{}}}`, map[string]string{imageHost: "", fallbackHost: role},
			"LAYERCACHE_REPOSITORY_ROLE is not assumed: the Docker configuration has a sign-in for " + cacheHost + ", which is used"},
		{"a configuration that cannot be read is a warning", "", cacheHost, "", `{`, map[string]string{}, "config.json is not JSON"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("DOCKER_CONFIG", dir)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(c.config), 0o600))
			request := Request{Settings: variables.Settings{Repository: c.repository + "/cache", FallbackRepository: fallbackHost + "/cache", RepositoryRole: c.role}}
			if c.mirror != "" {
				request.Settings.Mirrors = []variables.Mirror{{Upstream: "docker.io", Location: c.mirror + "/docker-hub"}}
			}
			refs := cache.Refs{Imports: []string{c.repository + "/cache:a", fallbackHost + "/cache:a"}, Export: c.repository + "/cache:a"}
			w := &warnings{}
			got := map[string]string{}
			for _, registry := range registriesToSignIn(request, buildx.ParseArgs([]string{"-t", imageHost + "/shop:1", "."}), refs, w) {
				got[registry.Host] = registry.Role
			}
			assert.Equal(t, c.want, got)
			if c.warning == "" {
				assert.Empty(t, w.all())
				return
			}
			require.Len(t, w.all(), 1)
			assert.Contains(t, w.all()[0], c.warning)
		})
	}
}

func TestABuildWithoutECRKeepsTheUsersConfiguration(t *testing.T) {
	dir, w := t.TempDir(), &warnings{}
	got := signInTo(t.Context(), []ecr.Registry{{Host: "docker.io"}, {Host: "localhost:5000"}}, dir, maxLoginWait, w)
	assert.Empty(t, got.env)
	assert.False(t, got.failed)
	assert.Nil(t, got.stop)
	assert.Empty(t, w.all())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}
