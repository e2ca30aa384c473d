package doctor

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/variables"
)

// programs sets PATH to a folder with only these scripts.
func programs(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	t.Setenv("PATH", dir)
	return dir
}

func TestTheProgramsOfTheMachineAreChecked(t *testing.T) {
	ctx := context.Background()
	cases := []struct {
		name    string
		scripts map[string]string
		check   func() Check
		state   State
		found   string
	}{
		{"runc is there", map[string]string{"runc": "echo runc version 1.3.3; echo commit"}, func() Check { return checkRunc(ctx) }, OK, "version 1.3.3"},
		{"runc has known vulnerabilities", map[string]string{"runc": "echo runc version 1.1.11"}, func() Check { return checkRunc(ctx) }, Warn,
			"in this version, steps can escape from their containers: CVE-2024-21626, CVE-2025-31133"},
		{"runc is missing", nil, func() Check { return checkRunc(ctx) }, Warn, "not on PATH"},
		{"runc does not run", map[string]string{"runc": "echo no such library >&2; exit 3"}, func() Check { return checkRunc(ctx) }, Warn, "no such library (exit status 3)"},
		{"docker with its classic store", map[string]string{"docker": "echo '28.0.1 with overlay2 [[Backing Filesystem extfs]]'"}, func() Check { return checkDocker(ctx) }, OK, "28.0.1 with overlay2: its own builder can import caches but not export them"},
		{"docker with the containerd store", map[string]string{"docker": "echo '29.1.0 with overlayfs [[driver-type io.containerd.snapshotter.v1]]'"}, func() Check { return checkDocker(ctx) }, OK, "29.1.0 with the containerd image store"},
		{"docker without a daemon", map[string]string{"docker": "echo Cannot connect >&2; exit 1"}, func() Check { return checkDocker(ctx) }, Skipped, "no daemon answers"},
		{"no docker", nil, func() Check { return checkDocker(ctx) }, Skipped, "not on PATH"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			programs(t, c.scripts)
			assertCheck(t, c.check(), c.state, c.found)
		})
	}
}

func TestABuilderThatCannotExportIsAWarningAndAMissingBuilderAFailure(t *testing.T) {
	dir := programs(t, map[string]string{
		"docker": "echo 'overlay2 [[Backing Filesystem extfs]]'",
		"buildx": "echo github.com/docker/buildx v0.37.1 abc",
	})
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	client := buildx.Client{Path: filepath.Join(dir, "buildx")}
	got, kind := checkBuilder(context.Background(), variables.Settings{Builder: variables.BuilderDocker}, client)
	assertCheck(t, got, Warn, "it cannot export a cache to a registry")
	assert.Equal(t, variables.BuilderDocker, kind)

	programs(t, nil)
	got, kind = checkBuilder(context.Background(), variables.Settings{Builder: variables.BuilderDocker}, client)
	assertCheck(t, got, Fail, "no builder can run here")
	assert.Empty(t, kind)
}

func TestFreeSpaceIsChecked(t *testing.T) {
	for free, want := range map[uint64]State{100 << 30: OK, 5 << 30: Warn, 500 << 20: Fail} {
		assertCheck(t, freeSpace(free, "/var/lib"), want, "free in /var/lib")
	}
}

func TestTheBranchIsChecked(t *testing.T) {
	for _, variable := range []string{"CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_WEBHOOK_HEAD_REF", "CODEBUILD_SOURCE_VERSION"} {
		t.Setenv(variable, "")
	}
	assertCheck(t, checkBranch(context.Background(), variables.Settings{Branch: "feature/x"}), OK, "feature/x")
	programs(t, nil)
	assertCheck(t, checkBranch(context.Background(), variables.Settings{FallbackBranch: "main"}), Warn, "git is not on PATH: builds share the cache of main")
}

func TestTheBuildxThatRunsIsNamed(t *testing.T) {
	own := toolchain.Buildx().Version
	for version, note := range map[string]string{own: "", "v0.32.1": "; an installed plugin is used before " + own + ", which `layercache setup` compiles"} {
		programs(t, nil)
		dir := t.TempDir()
		t.Setenv("DOCKER_CONFIG", dir)
		plugin := filepath.Join(dir, "cli-plugins", "docker-buildx")
		require.NoError(t, os.Mkdir(filepath.Dir(plugin), 0o755))
		require.NoError(t, os.WriteFile(plugin, []byte("#!/bin/sh\necho github.com/docker/buildx "+version+" abc\n"), 0o755))
		_, check := checkBuildx(context.Background())
		assert.Equal(t, Check{"buildx", OK, version + " abc, " + plugin + note, ""}, check)
	}
}

func TestTheNameServersAreChecked(t *testing.T) {
	assertCheck(t, checkNameServers(builder.NameServers{All: []string{"10.0.0.2"}}), OK, "10.0.0.2")
	assertCheck(t, checkNameServers(builder.NameServers{All: []string{"127.0.0.11"}, Steps: []string{"127.0.0.11"}}), OK, "127.0.0.11: steps of the native builder ask them")
	assertCheck(t, checkNameServers(builder.NameServers{}), Warn, "steps ask public ones")
}

func TestTheOverlayMountOfTheCheckIsRemoved(t *testing.T) {
	parent := t.TempDir()
	_, _ = tryOverlay(parent)
	left, err := os.ReadDir(parent)
	require.NoError(t, err)
	assert.Empty(t, left)
	_, err = tryOverlay(filepath.Join(parent, "absent"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
