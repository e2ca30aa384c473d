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

func TestDockerIsHandedTheNewestCredential(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "private")
	use(t, dir, t.TempDir())
	loaded, err := config.Load(dir) // As buildx does, once.
	require.NoError(t, err)
	for _, password := range []string{"s3cr3t", "renewed", "renewed again"} {
		require.NoError(t, Keep(dir, map[string]Credential{host: {"AWS", password}}))
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
	require.NoError(t, Keep(dir, nil))
	got, err := loaded.GetAuthConfig(host)
	require.NoError(t, err, "docker knows the words for a host without a sign-in")
	assert.Empty(t, got.Password)
}

func TestTheHelperOnlyHandsOut(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	require.NoError(t, Keep(dir, credentials))
	cases := []struct {
		name, stdin, answer string
		arguments           []string
		status              int
	}{
		{"get", host + "\n", `{"Secret":"s3cr3t","ServerURL":"` + host + `","Username":"AWS"}`, []string{"get"}, 0},
		{"get of a host that only starts alike", host + ".example.com", "credentials not found in native keychain\n", []string{"get"}, 1},
		{"get of nothing", "", "credentials not found in native keychain\n", []string{"get"}, 1},
		{"store", `{"ServerURL":"x"}`, "expected get", []string{"store"}, 1},
		{"list", "", "expected get", []string{"list"}, 1},
		{"no call", "", "expected get", nil, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.status, Help(c.arguments, strings.NewReader(c.stdin), &out))
			assert.Contains(t, out.String(), c.answer)
		})
	}
}

func TestWhatIsKeptIsWrittenWhole(t *testing.T) {
	err := Keep(filepath.Join(t.TempDir(), "absent"), credentials)
	require.ErrorContains(t, err, "keep the sign-ins: ")
	assert.NotContains(t, err.Error(), "s3cr3t")
}

func TestTheUsersOwnSignInsAreKnown(t *testing.T) {
	userDir := t.TempDir()
	writeFile(t, filepath.Join(userDir, "config.json"), `{"auths":{"a.example":{}},"credHelpers":{"b.example":"fake"},"credsStore":"fake"}`, 0o600)
	signedIn, err := SignedIn(userDir)
	require.NoError(t, err)
	for name, want := range map[string]bool{"a.example": true, "b.example": true, "c.example": false, "": false} {
		assert.Equal(t, want, signedIn(name), name)
	}
}

func TestThisProgramIsTheHelperByName(t *testing.T) {
	assert.True(t, IsHelper("/tmp/x/docker-credential-layercache"))
	assert.True(t, IsHelper("docker-credential-layercache"))
	assert.False(t, IsHelper("/usr/bin/layercache"))
	assert.False(t, IsHelper("docker-credential-layercache/layercache"))
}
