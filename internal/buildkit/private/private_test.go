//go:build unix && !unit

package private

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// otherUser is the ID of another user.
const otherUser = 65534

func TestAFolderIsRefusedIfOthersCouldChangeIt(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test gives files to another user: run it as root")
	folder := func(t *testing.T, dir string, mode os.FileMode) {
		t.Helper()
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.Chmod(dir, mode))
	}
	cases := []struct {
		name    string
		prepare func(t *testing.T, parent, dir string)
		refused string
	}{
		{"it does not exist yet", nil, ""},
		{"it is our own", func(t *testing.T, _, dir string) { folder(t, dir, 0o700) }, ""},
		{"it is our own, and others can read it", func(t *testing.T, _, dir string) { folder(t, dir, 0o755) }, ""},
		{"it is our own in a folder that everyone can write, with the sticky bit", func(t *testing.T, parent, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chmod(parent, 0o777|os.ModeSticky))
		}, ""},
		{"another user created it", func(t *testing.T, _, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chown(dir, otherUser, otherUser))
		}, "it belongs to user 65534"},
		{"the user who called sudo created it", func(t *testing.T, _, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chown(dir, otherUser, otherUser))
			t.Setenv("SUDO_UID", "65534")
		}, ""},
		{"everyone can write to it", func(t *testing.T, _, dir string) { folder(t, dir, 0o777) }, "others can write to it (-rwxrwxrwx)"},
		{"a group can write to it", func(t *testing.T, _, dir string) { folder(t, dir, 0o770) }, "others can write to it (-rwxrwx---)"},
		{"it is a link to our own folder", func(t *testing.T, parent, dir string) {
			folder(t, filepath.Join(parent, "ours"), 0o700)
			require.NoError(t, os.Symlink("ours", dir))
		}, "it is not a folder"},
		{"it is a file", func(t *testing.T, _, dir string) { require.NoError(t, os.WriteFile(dir, nil, 0o600)) }, "not a directory"},
		{"everyone can replace it", func(t *testing.T, parent, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chmod(parent, 0o777))
		}, "everyone can write to PARENT"},
		{"another user can replace it", func(t *testing.T, parent, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chown(parent, otherUser, otherUser))
		}, "PARENT belongs to user 65534"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SUDO_UID", "")
			parent := filepath.Join(t.TempDir(), "parent")
			require.NoError(t, os.Mkdir(parent, 0o755))
			dir := filepath.Join(parent, "layercache")
			if c.prepare != nil {
				c.prepare(t, parent, dir)
			}
			err := MakeDir(dir)
			if c.refused == "" {
				require.NoError(t, err)
				assert.DirExists(t, dir)
				return
			}
			assert.ErrorContains(t, err, strings.ReplaceAll(c.refused, "PARENT", parent))
		})
	}
}

func TestAProgramIsRefusedIfOthersCouldChangeIt(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test gives files to another user: run it as root")
	cases := []struct {
		name                   string
		owner, executableOwner int
		mode                   os.FileMode
		refused                string
	}{
		{"it is our own", 0, 0, 0o755, ""},
		{"it belongs to the owner of this program", otherUser, otherUser, 0o755, ""},
		{"it belongs to another user", otherUser, 0, 0o755, "it belongs to user 65534"},
		{"everyone can write to it", 0, 0, 0o757, "everyone can write to it"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SUDO_UID", "")
			program, executable := filepath.Join(t.TempDir(), "buildkitd"), filepath.Join(t.TempDir(), "layercache")
			require.NoError(t, os.WriteFile(program, nil, 0o700))
			require.NoError(t, os.WriteFile(executable, nil, 0o700))
			require.NoError(t, os.Chmod(program, c.mode))
			require.NoError(t, os.Chown(program, c.owner, c.owner))
			require.NoError(t, os.Chown(executable, c.executableOwner, c.executableOwner))
			err := CheckProgram(program, executable)
			if c.refused == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, program+" is not safe to run: "+c.refused+"; remove it")
		})
	}
}
