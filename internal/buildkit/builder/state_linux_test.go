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

func TestTwoBuildersAtOnceHaveFoldersOfTheirOwn(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "deep", "parent")
	first, second := stateIn(t, parent), stateIn(t, parent)
	assert.NotEqual(t, first.dir, second.dir)
	assert.NotEqual(t, first.name(), second.name())
	assert.DirExists(t, first.dir, "the second does not take the first for abandoned")

	require.NoError(t, first.remove())
	assert.NoDirExists(t, first.dir)
	assert.DirExists(t, second.dir)
}

func TestManyBuildersCanStartTogether(t *testing.T) {
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

func TestWhatACrashLeftBehindIsRemoved(t *testing.T) {
	parent := t.TempDir()
	cases := []struct{ name, dir, lock string }{
		{"a folder whose owner is dead", "builder-dead", "lock"},
		{"a folder whose owner died before it took the lock", "builder-early", ""},
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

func TestAFolderThatIsBeingRemovedIsNotTakenForAbandoned(t *testing.T) {
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

func TestWhereNothingElseRemovesWeDo(t *testing.T) {
	s := stateIn(t, t.TempDir())
	t.Setenv("PATH", "")
	require.NoError(t, <-s.discard())
	assert.True(t, gone(s.dir))
}

func TestWhatIsNoBuildersIsLeftAlone(t *testing.T) {
	parent := t.TempDir()
	other := filepath.Join(parent, "something-else")
	require.NoError(t, os.Mkdir(other, 0o700))
	stateIn(t, parent)
	assert.DirExists(t, other)
}

func TestAFolderIsClosedToOthers(t *testing.T) {
	s := stateIn(t, filepath.Join(t.TempDir(), "parent"))
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
		info, err := os.Stat(dir)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), dir)
	}
}

func TestAStateThatWasRemovedLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	s := stateIn(t, parent)
	require.NoError(t, s.remove())
	assert.Equal(t, []string{"lock"}, leftIn(t, parent), "but for the lock that new builders take turns with")
}

func TestAParentThatCannotBeMadeIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := newStateIn(filepath.Join(file, "below"))
	require.ErrorContains(t, err, file)
}
