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

// somebody is a user who is not this one.
const somebody = 65534

func TestOnlyAFolderThatNobodyElseCanChangeIsTaken(t *testing.T) {
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
		{"it is not there yet", nil, ""},
		{"it is ours", func(t *testing.T, _, dir string) { folder(t, dir, 0o700) }, ""},
		{"it is ours, and others can read it", func(t *testing.T, _, dir string) { folder(t, dir, 0o755) }, ""},
		{"it is ours in a folder of everybody's with the sticky bit", func(t *testing.T, parent, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chmod(parent, 0o777|os.ModeSticky))
		}, ""},
		{"another user has made it", func(t *testing.T, _, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chown(dir, somebody, somebody))
		}, "it belongs to user 65534"},
		{"the user who called sudo has made it", func(t *testing.T, _, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chown(dir, somebody, somebody))
			t.Setenv("SUDO_UID", "65534")
		}, ""},
		{"everybody can write to it", func(t *testing.T, _, dir string) { folder(t, dir, 0o777) }, "its permissions are -rwxrwxrwx"},
		{"a group can write to it", func(t *testing.T, _, dir string) { folder(t, dir, 0o770) }, "its permissions are -rwxrwx---"},
		{"it is a link to a folder of ours", func(t *testing.T, parent, dir string) {
			folder(t, filepath.Join(parent, "ours"), 0o700)
			require.NoError(t, os.Symlink("ours", dir))
		}, "it is no folder"},
		{"it is a file", func(t *testing.T, _, dir string) { require.NoError(t, os.WriteFile(dir, nil, 0o600)) }, "not a directory"},
		{"everybody can put another in its place", func(t *testing.T, parent, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chmod(parent, 0o777))
		}, "everybody can write to PARENT"},
		{"another user can put another in its place", func(t *testing.T, parent, dir string) {
			folder(t, dir, 0o700)
			require.NoError(t, os.Chown(parent, somebody, somebody))
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

func TestOnlyAProgramThatNobodyElseCanChangeIsRun(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test gives files to another user: run it as root")
	cases := []struct {
		name                  string
		owner, executablesOwn int
		mode                  os.FileMode
		refused               string
	}{
		{"it is ours", 0, 0, 0o755, ""},
		{"it belongs to the user to whom this program belongs", somebody, somebody, 0o755, ""},
		{"it belongs to another user", somebody, 0, 0o755, "it belongs to user 65534"},
		{"everybody can write to it", 0, 0, 0o757, "everybody can write to it"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SUDO_UID", "")
			program, executable := filepath.Join(t.TempDir(), "buildkitd"), filepath.Join(t.TempDir(), "layercache")
			require.NoError(t, os.WriteFile(program, nil, 0o700))
			require.NoError(t, os.WriteFile(executable, nil, 0o700))
			require.NoError(t, os.Chmod(program, c.mode))
			require.NoError(t, os.Chown(program, c.owner, c.owner))
			require.NoError(t, os.Chown(executable, c.executablesOwn, c.executablesOwn))
			err := CheckProgram(program, executable)
			if c.refused == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, program+" is not run, since "+c.refused+": remove it")
		})
	}
}
