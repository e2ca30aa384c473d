package buildx

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	succeeds = "#!/bin/sh\nexit 0\n"
	fails    = "#!/bin/sh\nexit 1\n"
)

// machine is a fake machine with an empty folder for each place where Find looks.
type machine struct{ plugins, system, path string }

func newMachine(t *testing.T) machine {
	t.Helper()
	root := t.TempDir()
	m := machine{filepath.Join(root, "docker", "cli-plugins"), filepath.Join(root, "system"), filepath.Join(root, "bin")}
	for _, dir := range []string{m.plugins, m.system, m.path} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	systemDirs := pluginDirs
	pluginDirs = []string{m.system}
	t.Cleanup(func() { pluginDirs = systemDirs })
	t.Setenv("DOCKER_CONFIG", filepath.Dir(m.plugins))
	t.Setenv("PATH", m.path)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, "cache"))
	return m
}

func program(t *testing.T, path, content string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
	return path
}

func TestFindReturnsTheFirstBuildx(t *testing.T) {
	m := newMachine(t)
	_, err := Find()
	require.ErrorIs(t, err, ErrNotFound, "no docker and no buildx")

	docker := program(t, filepath.Join(m.path, "docker"), fails)
	_, err = Find()
	require.ErrorIs(t, err, ErrNotFound, "docker without a buildx plugin")

	program(t, docker, succeeds)
	check := func(want Client, why string) {
		t.Helper()
		got, err := Find()
		require.NoError(t, err)
		assert.Equal(t, want, got, why)
	}
	check(Client{Path: docker, Prefix: []string{"buildx"}}, "docker with a plugin in an unknown folder")
	// Each place takes precedence over the ones before it.
	for _, place := range []struct{ path, why string }{
		{filepath.Join(m.path, "docker-buildx"), "a plugin on PATH"},
		{filepath.Join(m.path, "buildx"), "a buildx on PATH"},
		{filepath.Join(m.system, "docker-buildx"), "the system's plugin"},
		{filepath.Join(m.plugins, "docker-buildx"), "the user's plugin"},
	} {
		check(Client{Path: program(t, place.path, succeeds)}, place.why)
	}
}

func TestAFileThatIsNotExecutableIsSkipped(t *testing.T) {
	m := newMachine(t)
	require.NoError(t, os.WriteFile(filepath.Join(m.plugins, "docker-buildx"), []byte(succeeds), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(m.system, "docker-buildx"), 0o755))
	want := program(t, filepath.Join(m.path, "buildx"), succeeds)
	got, err := Find()
	require.NoError(t, err)
	assert.Equal(t, want, got.Path)
}

func TestABuildxThatAnotherUserPutBesideThisProgramIsNotRun(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test gives a file to another user: run it as root")
	m := newMachine(t)
	program(t, filepath.Join(m.path, "buildx"), succeeds)
	own, err := os.Executable()
	require.NoError(t, err)
	sibling := program(t, filepath.Join(filepath.Dir(own), "buildx"), succeeds)
	t.Cleanup(func() { assert.NoError(t, os.Remove(sibling)) })
	got, err := Find()
	require.NoError(t, err)
	require.Equal(t, sibling, got.Path)
	require.NoError(t, os.Chown(sibling, 65534, 65534))
	_, err = Find()
	require.EqualError(t, err, sibling+" is not safe to run: it belongs to user 65534; remove it")
}

// The working directory contains the source of the build. A program in it must not run outside of the build.
func TestWithoutAHomeABuildxInTheWorkingDirectoryIsNotRun(t *testing.T) {
	newMachine(t)
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("HOME", "")
	source := t.TempDir()
	program(t, filepath.Join(source, "cli-plugins", "docker-buildx"), succeeds)
	t.Chdir(source)
	got, err := Find()
	require.ErrorIs(t, err, ErrNotFound, "found %s", got.Path)
}

func TestACommandHasThePrefixTheArgumentsAndTheEnvironment(t *testing.T) {
	t.Setenv("LAYERCACHE_TEST_KEPT", "1")
	client := Client{Path: "/bin/docker", Prefix: []string{"buildx"}}
	cmd := client.Command(context.Background(), []string{"BUILDX_CONFIG=/tmp/x"}, "build", "--tag", "$(reboot)", ".")
	assert.Equal(t, []string{"/bin/docker", "buildx", "build", "--tag", "$(reboot)", "."}, cmd.Args)
	assert.Contains(t, cmd.Env, "BUILDX_CONFIG=/tmp/x")
	assert.Contains(t, cmd.Env, "LAYERCACHE_TEST_KEPT=1")
	assert.Equal(t, []string{"buildx"}, client.Prefix, "the client is not modified")
}
