//go:build unix && !unit

package session

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFolderIsPrivateUntilItIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	folder, err := New()
	require.NoError(t, err)
	status, err := os.Stat(folder.Path)
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|0o700, status.Mode())
	require.NoError(t, os.WriteFile(filepath.Join(folder.Path, "config.json"), nil, 0o600))
	require.NoError(t, folder.Remove())
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestAFolderNeedsAFolderForTemporaryFiles(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	_, err := New()
	assert.ErrorContains(t, err, "set TMPDIR to a folder that can be written")
}

func TestTheNextStartRemovesWhatIsLeft(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	inUse, err := New()
	require.NoError(t, err)
	killed, err := New()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(killed.Path, "config.json"), nil, 0o600))
	// The kernel releases the lock when a process ends.
	require.NoError(t, killed.lock.Close())

	elsewhere := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "file"), nil, 0o600))
	link := filepath.Join(temp, prefix+"link")
	require.NoError(t, os.Symlink(elsewhere, link))
	file := filepath.Join(temp, prefix+"file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	other := filepath.Join(temp, "layercache-context-1")
	require.NoError(t, os.Mkdir(other, 0o700))
	theirs := filepath.Join(temp, prefix+"theirs")
	require.NoError(t, os.Mkdir(theirs, 0o700))
	require.Zero(t, os.Geteuid(), "this test gives a folder to another user: run it as root")
	require.NoError(t, os.Chown(theirs, 65534, 65534))

	next, err := New()
	require.NoError(t, err)
	assert.NoDirExists(t, killed.Path)
	for _, path := range []string{inUse.Path, next.Path, elsewhere, filepath.Join(elsewhere, "file"), link, file, other, theirs} {
		_, err := os.Lstat(path)
		assert.NoError(t, err)
	}
	require.NoError(t, inUse.Remove())
	require.NoError(t, next.Remove())
}
