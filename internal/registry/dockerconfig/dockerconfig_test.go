package dockerconfig

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"

// TestMain makes the test program act as the credential helper, as layercache does.
func TestMain(m *testing.M) {
	if IsHelper(os.Args[0]) {
		os.Exit(ServeCredentials(os.Args[1:], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

var (
	hosts       = []string{host}
	credentials = map[string]Credential{host: {"AWS", "s3cr3t"}}
)

// helper is a credential helper with a sign-in for every host.
const helper = "#!/bin/sh\nread -r server\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"helper\",\"Secret\":\"kept\"}' \"$server\"\n"

// written creates a user's folder with the config.json, writes a private one from it and loads that with
// docker's code.
func written(t *testing.T, userConfig string) *configfile.ConfigFile {
	t.Helper()
	userDir := t.TempDir()
	writeFile(t, filepath.Join(userDir, "config.json"), userConfig, 0o600)
	dir := filepath.Join(t.TempDir(), "private")
	use(t, dir, userDir)
	assert.Equal(t, userConfig, readFile(t, filepath.Join(userDir, "config.json")), "the user's file is unchanged")
	loaded, err := config.Load(dir)
	require.NoError(t, err)
	return loaded
}

// use writes the folder, stores the credentials in it and makes docker's code use it.
func use(t *testing.T, dir, userDir string) {
	t.Helper()
	require.NoError(t, Write(dir, userDir, hosts))
	require.NoError(t, StoreCredentials(dir, credentials))
	for _, variable := range Environ(dir) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
}

// signIn returns the host's credential, read by docker's own code.
func signIn(t *testing.T, dir string) (username, password string) {
	t.Helper()
	loaded, err := config.Load(dir)
	require.NoError(t, err)
	got, err := loaded.GetAuthConfig(host)
	require.NoError(t, err)
	return got.Username, got.Password
}

// buildx uses docker's own code to find a credential, so the test does too.
func TestDockerFindsTheSignIn(t *testing.T) {
	bin := t.TempDir()
	writeFile(t, filepath.Join(bin, "docker-credential-fake"), helper, 0o755)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	cases := []struct{ name, userConfig, user, password string }{
		{"the user has nothing", `{}`, "AWS", "s3cr3t"},
		{"the user is signed in elsewhere", `{"auths":{"docker.io":{"auth":"bWU6aHVi"}}}`, "AWS", "s3cr3t"},
		{"the user's sign-in for the host is kept", `{"auths":{"` + host + `":{"auth":"bWU6bWluZQ=="}}}`, "me", "mine"},
		{"the user's helper for the host is kept", `{"credHelpers":{"` + host + `":"fake"}}`, "helper", "kept"},
		{"a helper for another host changes nothing", `{"credHelpers":{"ghcr.io":"fake"}}`, "AWS", "s3cr3t"},
		{"a store for all hosts would hide the file's sign-ins", `{"credsStore":"fake"}`, "AWS", "s3cr3t"},
		{"a store that is not installed does not hide our sign-in", `{"credsStore":"absent"}`, "AWS", "s3cr3t"},
		{"a sign-in in the user's store is kept", `{"auths":{"` + host + `":{}},"credsStore":"fake"}`, "helper", "kept"},
		{"auths that are null", `{"auths":null}`, "AWS", "s3cr3t"},
		{"a file that contains null", `null`, "AWS", "s3cr3t"},
		{"an empty file, which docker accepts", ``, "AWS", "s3cr3t"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := written(t, c.userConfig).GetAuthConfig(host)
			require.NoError(t, err)
			assert.Equal(t, c.user, got.Username)
			assert.Equal(t, c.password, got.Password)
		})
	}
}

func TestOtherSettingsOfTheUserAreKept(t *testing.T) {
	got := written(t, `{"auths":{"quay.io":{"auth":"bWU6aHVi"}},"credHelpers":{"ghcr.io":"fake"},"HttpHeaders":{"X":"1"},
		"proxies":{"default":{"httpProxy":"http://proxy:3128"}},"currentContext":"remote","cliPluginsExtraDirs":["/opt/plugins"]}`)
	other, err := got.GetAuthConfig("quay.io")
	require.NoError(t, err)
	assert.Equal(t, "hub", other.Password)
	assert.Equal(t, "fake", got.CredentialHelpers["ghcr.io"])
	assert.Equal(t, map[string]string{"X": "1"}, got.HTTPHeaders)
	assert.Equal(t, "http://proxy:3128", got.Proxies["default"].HTTPProxy)
	assert.Equal(t, "remote", got.CurrentContext)
}

func TestTheUsersPluginsAndContextsAreFound(t *testing.T) {
	parent := t.TempDir()
	userDir := filepath.Join(parent, "user")
	writeFile(t, filepath.Join(userDir, "contexts", "meta", "c", "meta.json"), `{"Name":"remote"}`, 0o600)
	writeFile(t, filepath.Join(userDir, "config.json"), `{"cliPluginsExtraDirs":["/opt/plugins"]}`, 0o600)
	t.Chdir(parent)
	for name, from := range map[string]string{"an absolute folder": userDir, "a folder relative to the working directory": "user"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "private")
			require.NoError(t, Write(dir, from, nil))
			loaded, err := config.Load(dir)
			require.NoError(t, err)
			assert.Equal(t, []string{"/opt/plugins", filepath.Join(userDir, "cli-plugins")}, loaded.CLIPluginsExtraDirs)
			assert.Equal(t, `{"Name":"remote"}`, readFile(t, filepath.Join(dir, "contexts", "meta", "c", "meta.json")))
		})
	}
}

func TestWriteCanBeRepeated(t *testing.T) {
	userDir, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(userDir, "contexts"), 0o700))
	require.NoError(t, Write(dir, userDir, nil))
	use(t, dir, userDir)
	_, password := signIn(t, dir)
	assert.Equal(t, "s3cr3t", password)
}

func TestOnlyTheOwnerCanReadTheSecrets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "private")
	use(t, dir, t.TempDir())
	assert.Equal(t, fs.FileMode(0o700), modeOf(t, dir))
	assert.Equal(t, fs.FileMode(0o600), modeOf(t, filepath.Join(dir, "config.json")))
	assert.Equal(t, fs.FileMode(0o600), modeOf(t, filepath.Join(dir, "credentials.json")))
	assert.NotContains(t, readFile(t, filepath.Join(dir, "config.json")), "s3cr3t")
	_, err := os.Lstat(filepath.Join(dir, "contexts"))
	assert.ErrorIs(t, err, fs.ErrNotExist, "a user without contexts gets none")
}

func TestAUserWithoutAFolderGetsOnlyTheSignIns(t *testing.T) {
	dir := t.TempDir()
	use(t, dir, filepath.Join(dir, "absent"))
	_, password := signIn(t, dir)
	assert.Equal(t, "s3cr3t", password)
}

// The working directory contains the source that is built, which must not choose the Docker configuration.
func TestAUserWithoutAHomeDoesNotUseTheWorkingDirectory(t *testing.T) {
	source := t.TempDir()
	writeFile(t, filepath.Join(source, "config.json"), `{"credsStore":"evil"}`, 0o600)
	t.Chdir(source)
	dir := t.TempDir()
	require.NoError(t, Write(dir, "", hosts))
	loaded, err := config.Load(dir)
	require.NoError(t, err)
	assert.Empty(t, loaded.CredentialsStore)
	assert.NotContains(t, loaded.CLIPluginsExtraDirs, "cli-plugins", "plugins of the working directory")
}

func TestTheErrorNamesAConfigurationThatIsNotJSON(t *testing.T) {
	userDir := t.TempDir()
	path := filepath.Join(userDir, "config.json")
	for name, content := range map[string]string{"cut off": `{"auths":{"h":{"auth":"c2VjcmV0`, "a list": `[]`, "a number": `7`} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, path, content, 0o600)
			err := Write(t.TempDir(), userDir, hosts)
			require.ErrorContains(t, err, "write a private Docker configuration: "+path+" is not JSON")
			assert.NotContains(t, err.Error(), "c2VjcmV0")
			_, err = SignedIn(userDir)
			assert.ErrorContains(t, err, path+" is not JSON")
		})
	}
}

func TestUserDirIsTheFolderThatDockerUses(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	t.Setenv("DOCKER_CONFIG", "")
	assert.Equal(t, "/home/someone/.docker", UserDir())
	t.Setenv("DOCKER_CONFIG", "/etc/docker-config")
	assert.Equal(t, "/etc/docker-config", UserDir())
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("HOME", "")
	assert.Empty(t, UserDir())
}

func writeFile(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}
