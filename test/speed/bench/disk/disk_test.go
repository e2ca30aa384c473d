package disk

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADiskIsNewAndIsRemovedWithItsContent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	d, err := New(dir)
	if err != nil {
		// A container may have no loop devices. Builds then share a file system, which their results mention.
		assert.NoDirExists(t, dir)
		t.Skipf("this machine cannot create a file system for a build: %v", err)
	}
	entries, err := os.ReadDir(d.Path())
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, "lost+found", entries[0].Name())
	require.NoError(t, os.WriteFile(filepath.Join(d.Path(), "file"), []byte("text"), 0o600))

	kind, err := exec.Command("stat", "--file-system", "--format", "%T", d.Path()).Output()
	require.NoError(t, err)
	assert.Equal(t, "ext2/ext3\n", string(kind))
	assert.NotEqual(t, device(t, filepath.Dir(dir)), device(t, d.Path()))
	require.NoError(t, d.Close())
	assert.NoDirExists(t, dir)
}

func device(t *testing.T, path string) any {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Dev
}
