//go:build !unit

package buildx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestABuildxThatAnotherUserPutIntoTheProgramsFolderIsNotRun(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test gives a file to another user: run it as root")
	m := newMachine(t)
	program(t, filepath.Join(m.path, "buildx"), succeeds)
	executable, err := os.Executable()
	require.NoError(t, err)
	neighbour := program(t, filepath.Join(filepath.Dir(executable), "buildx"), succeeds)
	t.Cleanup(func() { assert.NoError(t, os.Remove(neighbour)) })
	got, err := Find()
	require.NoError(t, err)
	require.Equal(t, neighbour, got.Path)
	require.NoError(t, os.Chown(neighbour, 65534, 65534))
	_, err = Find()
	require.EqualError(t, err, neighbour+" is not safe to run: it belongs to user 65534; remove it")
}
