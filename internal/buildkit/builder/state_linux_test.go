package builder

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func stateIn(t *testing.T, parent string) *state {
	t.Helper()
	s, err := newStateIn(parent)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.remove() })
	return s
}

func TestParallelBuildersHaveSeparateFolders(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "deep", "parent")
	first, second := stateIn(t, parent), stateIn(t, parent)
	assert.NotEqual(t, first.dir, second.dir)
	assert.NotEqual(t, first.name(), second.name())
	assert.DirExists(t, first.dir, "the second did not remove the first as abandoned")

	require.NoError(t, first.remove())
	assert.NoDirExists(t, first.dir)
	assert.DirExists(t, second.dir)
}

func TestManyBuildersCanStartInParallel(t *testing.T) {
	parent := t.TempDir()
	made := make(chan *state)
	for range 20 {
		go func() {
			s, err := newStateIn(parent)
			assert.NoError(t, err)
			made <- s
		}()
	}
	for range 20 {
		s := <-made
		assert.DirExists(t, s.dir)
		t.Cleanup(func() { _ = s.remove() })
	}
}

func TestFoldersOfCrashedBuildersAreRemoved(t *testing.T) {
	parent := t.TempDir()
	cases := []struct{ name, dir, lock string }{
		{"a folder whose process has died", "builder-dead", "lock"},
		{"a folder whose process died before it locked the folder", "builder-early", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(parent, c.dir)
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "root", "snapshots"), 0o700))
			if c.lock != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, c.lock), nil, 0o600))
			}
			stateIn(t, parent)
			assert.Eventually(t, func() bool { return gone(dir) }, eventually, tick)
		})
	}
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}

func TestAFolderStaysLockedWhileItIsRemoved(t *testing.T) {
	f := newFakes(t)
	remove, err := exec.LookPath("rm")
	require.NoError(t, err)
	proceed := filepath.Join(f.dir, "proceed")
	f.program("rm", "while ! [ -e '"+proceed+"' ]; do sleep 0.01; done\nexec "+remove+` "$@"`)

	s := stateIn(t, t.TempDir())
	removed := s.discard()
	_, err = lockFile(s.path("lock"), unix.LOCK_EX|unix.LOCK_NB)
	require.ErrorIs(t, err, unix.EWOULDBLOCK)

	require.NoError(t, os.WriteFile(proceed, nil, 0o600))
	require.NoError(t, <-removed)
	assert.True(t, gone(s.dir))
}

func TestWithoutRmTheFolderIsRemovedByThisProcess(t *testing.T) {
	s := stateIn(t, t.TempDir())
	t.Setenv("PATH", "")
	require.NoError(t, <-s.discard())
	assert.True(t, gone(s.dir))
}

func TestOtherFoldersAreKept(t *testing.T) {
	parent := t.TempDir()
	other := filepath.Join(parent, "something-else")
	require.NoError(t, os.Mkdir(other, 0o700))
	stateIn(t, parent)
	assert.DirExists(t, other)
}

func TestOtherUsersCannotReadTheFolder(t *testing.T) {
	s := stateIn(t, filepath.Join(t.TempDir(), "parent"))
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
		info, err := os.Stat(dir)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), dir)
	}
}

func TestARemovedStateLeavesOnlyTheSharedLock(t *testing.T) {
	parent := t.TempDir()
	s := stateIn(t, parent)
	require.NoError(t, s.remove())
	assert.Equal(t, []string{"lock"}, leftIn(t, parent))
}

func TestTheErrorNamesAParentThatCannotBeCreated(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := newStateIn(filepath.Join(file, "below"))
	require.ErrorContains(t, err, file)
}

// parentsAre sets stateParents for one test.
func parentsAre(t *testing.T, parents ...string) {
	t.Helper()
	before := stateParents
	stateParents = parents
	t.Cleanup(func() { stateParents = before })
}

func TestTheFirstFolderWithOverlayMountsIsUsed(t *testing.T) {
	needRoot(t)
	// Overlay mounts work on tmpfs; the kernel refuses them on the overlay of overlayAt.
	memory, overlay := mountAt(t, "tmpfs", ""), overlayAt(t)
	parentsAre(t, filepath.Join(overlay, "first"), filepath.Join(memory, "second"))
	s, err := newState()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.remove() })
	assert.Equal(t, "overlayfs", s.snapshotter)
	assert.Empty(t, s.slowNote())
	assert.Equal(t, filepath.Join(memory, "second"), filepath.Dir(s.dir))
	assert.Equal(t, []string{"lock"}, leftIn(t, filepath.Join(overlay, "first")), "the folder without overlay mounts is empty")
	assert.Equal(t, []string{"lock"}, leftIn(t, s.dir), "the overlay of the check is removed")
}

func TestWithoutOverlayMountsLayersAreCopied(t *testing.T) {
	needRoot(t)
	parentsAre(t, filepath.Join(overlayAt(t), "only"))
	s, err := newState()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.remove() })
	assert.Equal(t, "native", s.snapshotter)
	assert.Regexp(t, `^slow, because snapshotter "native" copies all files: overlay mounts do not work below \S+/only: \S[^\n]*$`, s.slowNote())
}

func needRoot(t *testing.T) {
	t.Helper()
	require.Zero(t, os.Geteuid(), "this test mounts file systems or starts the native builder: run it as root")
}

func mountAt(t *testing.T, kind, options string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, unix.Mount(kind, dir, kind, 0, options))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// overlayAt returns an overlay of two overlays, the deepest nesting that the kernel allows: no overlay can be
// mounted on it.
func overlayAt(t *testing.T) string {
	t.Helper()
	lower := t.TempDir()
	for range 2 {
		memory := mountAt(t, "tmpfs", "")
		for _, part := range []string{"upper", "work"} {
			require.NoError(t, os.Mkdir(filepath.Join(memory, part), 0o700))
		}
		lower = mountAt(t, "overlay", "lowerdir="+lower+",upperdir="+memory+"/upper,workdir="+memory+"/work")
	}
	return lower
}
