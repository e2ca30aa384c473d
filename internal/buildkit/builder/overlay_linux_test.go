//go:build !unit

package builder

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// parentsAre sets where states may be for one test.
func parentsAre(t *testing.T, parents ...string) {
	t.Helper()
	own := stateParents
	stateParents = parents
	t.Cleanup(func() { stateParents = own })
}

func TestTheFirstFolderWhereOverlayMountsWorkIsTaken(t *testing.T) {
	needRoot(t)
	// Memory is a file system on which overlay mounts work; one overlay on another is refused by the kernel.
	memory, overlay := mountAt(t, "tmpfs", ""), overlayAt(t)
	parentsAre(t, filepath.Join(overlay, "first"), filepath.Join(memory, "second"))
	s, err := newState()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.remove() })
	assert.Equal(t, "overlayfs", s.snapshotter)
	assert.Empty(t, s.slowNote())
	assert.Equal(t, filepath.Join(memory, "second"), filepath.Dir(s.dir))
	assert.Equal(t, []string{"lock"}, leftIn(t, filepath.Join(overlay, "first")), "nothing stays where it did not work")
	assert.Equal(t, []string{"lock"}, leftIn(t, s.dir), "the trial mount is gone")
}

func TestWhereNoOverlayMountWorksLayersAreCopied(t *testing.T) {
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

// overlayAt is an overlay over two others, the deepest that the kernel allows: no overlay can be made on it.
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
