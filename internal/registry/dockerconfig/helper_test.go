package dockerconfig

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDockerGetsTheNewestCredential(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "private")
	use(t, dir, t.TempDir())
	loaded, err := config.Load(dir) // As buildx does, once.
	require.NoError(t, err)
	for _, password := range []string{"s3cr3t", "renewed", "renewed again"} {
		require.NoError(t, StoreCredentials(dir, map[string]Credential{host: {"AWS", password}}))
		got, err := loaded.GetAuthConfig(host)
		require.NoError(t, err)
		assert.Equal(t, "AWS", got.Username)
		assert.Equal(t, password, got.Password)
	}
}

func TestAHostWithoutASignInIsAnonymous(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "private")
	use(t, dir, t.TempDir())
	loaded, err := config.Load(dir)
	require.NoError(t, err)
	require.NoError(t, StoreCredentials(dir, nil))
	got, err := loaded.GetAuthConfig(host)
	require.NoError(t, err, "docker recognizes the message for a host without a sign-in")
	assert.Empty(t, got.Password)
}

func TestTheHelperSupportsOnlyGet(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	require.NoError(t, StoreCredentials(dir, credentials))
	cases := []struct {
		name, stdin, answer string
		arguments           []string
		status              int
	}{
		{"get", host + "\n", `{"Secret":"s3cr3t","ServerURL":"` + host + `","Username":"AWS"}`, []string{"get"}, 0},
		{"get of a host with the same prefix", host + ".example.com", "credentials not found in native keychain\n", []string{"get"}, 1},
		{"get without a host", "", "credentials not found in native keychain\n", []string{"get"}, 1},
		{"store", `{"ServerURL":"x"}`, "only supports get", []string{"store"}, 1},
		{"list", "", "only supports get", []string{"list"}, 1},
		{"no argument", "", "only supports get", nil, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.status, ServeCredentials(c.arguments, strings.NewReader(c.stdin), &out))
			assert.Contains(t, out.String(), c.answer)
		})
	}
}

func TestAnErrorOfStoreCredentialsContainsNoSecret(t *testing.T) {
	err := StoreCredentials(filepath.Join(t.TempDir(), "absent"), credentials)
	require.ErrorContains(t, err, "store the sign-ins: ")
	assert.NotContains(t, err.Error(), "s3cr3t")
}

func TestSignedInKnowsTheUsersSignInsAndHelpers(t *testing.T) {
	userDir := t.TempDir()
	writeFile(t, filepath.Join(userDir, "config.json"), `{"auths":{"a.example":{}},"credHelpers":{"b.example":"fake"},"credsStore":"fake"}`, 0o600)
	signedIn, err := SignedIn(userDir)
	require.NoError(t, err)
	for name, want := range map[string]bool{"a.example": true, "b.example": true, "c.example": false, "": false} {
		assert.Equal(t, want, signedIn(name), name)
	}
}

func TestIsHelperDependsOnTheNameOfTheProgram(t *testing.T) {
	assert.True(t, IsHelper("/tmp/x/docker-credential-layercache"))
	assert.True(t, IsHelper("docker-credential-layercache"))
	assert.False(t, IsHelper("/usr/bin/layercache"))
	assert.False(t, IsHelper("docker-credential-layercache/layercache"))
}
