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
	d := newDisk(t, dir)
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

func TestADiskInUseDoesNotStopTheNext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	d := newDisk(t, dir)
	d.patience = 0
	open, err := os.Create(filepath.Join(d.Path(), "file"))
	require.NoError(t, err)
	defer open.Close()
	assert.ErrorContains(t, d.Close(), "target is busy")
	assert.NoDirExists(t, dir)

	next := newDisk(t, dir)
	assert.NoFileExists(t, filepath.Join(next.Path(), "file"))
	require.NoError(t, next.Close())
}

// newDisk skips the test on a machine without loop devices, such as a container. Builds then share a file system, which their results
// mention.
func newDisk(t *testing.T, dir string) *Disk {
	t.Helper()
	d, err := New(dir)
	if err != nil {
		assert.NoDirExists(t, dir)
		t.Skipf("this machine cannot create a file system for a build: %v", err)
	}
	return d
}

func device(t *testing.T, path string) any {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Dev
}
