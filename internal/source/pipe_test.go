//go:build unix

package source

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestANamedPipeIsNotOpened(t *testing.T) {
	dir := folder(t)
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	digests, _ := digest(t, dir, "COPY . .")
	assert.Contains(t, digests, "pipe", "the pipe is listed but not read")
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "Dockerfile.dockerignore"), 0o600))
	_, _, err := Ignore(dir, filepath.Join(dir, "Dockerfile"))
	assert.ErrorContains(t, err, "Dockerfile.dockerignore is not a regular file")
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "index.json"), 0o600))
	assert.ErrorContains(t, CheckLayout(dir, dir), "index.json is not a regular file or folder")
}
