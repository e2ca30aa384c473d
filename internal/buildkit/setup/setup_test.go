package setup

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/variables"
)

// machine sets up an environment with only these programs, each a shell script, and without Go.
func machine(t *testing.T, programs map[string]string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "docker-config"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	for name, body := range programs {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	}
}

const daemonRuns = `echo "overlay2 []"`

func TestTheErrorWithoutBuildxAndGoNamesBoth(t *testing.T) {
	machine(t, nil)
	err := Tools(context.Background(), "auto", io.Discard)
	require.ErrorIs(t, err, buildx.ErrNotFound)
	require.ErrorIs(t, err, toolchain.ErrNoGo)
}

func TestAMachineWithDockerNeedsNothingCompiled(t *testing.T) {
	for _, kind := range []string{"auto", "container", "docker"} {
		t.Run(kind, func(t *testing.T) {
			machine(t, map[string]string{"buildx": "", "docker": daemonRuns, "runc": ""})
			var progress bytes.Buffer
			require.NoError(t, Tools(context.Background(), kind, &progress))
			assert.Empty(t, progress.String())
		})
	}
}

func TestRunStartsTheBuilderOnceAndPrintsWhichItIs(t *testing.T) {
	machine(t, map[string]string{"buildx": "", "docker": daemonRuns})
	var progress bytes.Buffer
	require.NoError(t, Run(context.Background(), variables.Settings{Builder: "docker"}, &progress))
	assert.Regexp(t, `\Alayercache: docker builder ready in \d+\.\d\d s \(LAYERCACHE_BUILDER=docker\)\n\z`, progress.String())
	entries, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, entries, "no temporary file remains")
}

func TestABuilderThatCannotRunIsAnError(t *testing.T) {
	machine(t, map[string]string{"buildx": ""})
	err := Run(context.Background(), variables.Settings{Builder: "docker"}, io.Discard)
	require.ErrorContains(t, err, "docker is not on PATH")
}
