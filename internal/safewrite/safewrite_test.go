//go:build unix

package safewrite

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source changes to a new working directory, and returns a folder next to it.
func source(t *testing.T) (outside string) {
	t.Helper()
	root := t.TempDir()
	outside = filepath.Join(root, "outside")
	for _, dir := range []string{"source/inside", "outside/kept"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte("kept"), 0o644))
	t.Chdir(filepath.Join(root, "source"))
	return outside
}

func link(t *testing.T, target, name string) {
	t.Helper()
	require.NoError(t, os.Symlink(target, name))
}

func TestFolder(t *testing.T) {
	cases := []struct {
		name  string
		given func(outside string) string
		ok    bool
	}{
		{"a folder that does not exist is created", func(string) string { return "a/b" }, true},
		{"the working directory", func(string) string { return "." }, true},
		{"a folder outside", func(outside string) string { return filepath.Join(outside, "a", "b") }, true},
		{"a folder next to the working directory", func(string) string { return "../outside" }, true},
		{"a path outside that leads through a link", func(outside string) string {
			link(t, outside, filepath.Join(filepath.Dir(outside), "way"))
			return "../way/kept"
		}, true},
		{"a link that stays inside", func(string) string { link(t, "inside", "link"); return "link" }, true},
		{"a link that leads out", func(outside string) string { link(t, outside, "link"); return "link" }, false},
		{"a link that leads out by a relative path", func(string) string { link(t, "../outside", "link"); return "link" }, false},
		{"a link that leads out, in an absolute path", func(outside string) string {
			link(t, outside, "link")
			path, err := filepath.Abs("link")
			require.NoError(t, err)
			return path
		}, false},
		{"a path through a link that leads out", func(string) string { link(t, "../outside", "link"); return "link/kept" }, false},
		{"a link to a path outside that does not exist", func(outside string) string { link(t, filepath.Join(outside, "new"), "link"); return "link" }, false},
		{"a link outside that leaves its parent", func(outside string) string {
			link(t, "/", filepath.Join(outside, "link"))
			return filepath.Join(outside, "link")
		}, false},
		{"a file", func(string) string { require.NoError(t, os.WriteFile("file", nil, 0o644)); return "file" }, false},
		{"a pipe", func(string) string { require.NoError(t, syscall.Mkfifo("pipe", 0o644)); return "pipe" }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			outside := source(t)
			root, err := Folder(c.given(outside), true)
			assert.NoDirExists(t, filepath.Join(outside, "new"))
			if !c.ok {
				assert.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.NoError(t, root.Close())
		})
	}
}

func TestAFolderIsCreatedOnlyOnRequest(t *testing.T) {
	source(t)
	require.NoError(t, syscall.Mkfifo("pipe", 0o644))
	for _, path := range []string{"pipe", "pipe/a"} {
		_, err := Folder(path, false)
		assert.ErrorIs(t, err, syscall.ENOTDIR, path)
	}
	for _, path := range []string{"a", "a/b", "../a/b"} {
		_, err := Folder(path, false)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.NoDirExists(t, "a")
	}
}

func TestCreate(t *testing.T) {
	cases := []struct {
		name  string
		given func(outside string) string
		ok    bool
	}{
		{"a file that does not exist", func(string) string { return "new" }, true},
		{"a file that exists", func(string) string { require.NoError(t, os.WriteFile("old", []byte("old"), 0o644)); return "old" }, true},
		{"a file outside", func(outside string) string { return filepath.Join(outside, "new") }, true},
		{"a device", func(string) string { return os.DevNull }, true},
		{"a link that leads out", func(string) string { link(t, "../outside/file", "link"); return "link" }, false},
		{"a link to a path outside that does not exist", func(string) string { link(t, "../outside/made", "link"); return "link" }, false},
		{"a folder that is a link that leads out", func(string) string { link(t, "../outside", "link"); return "link/made" }, false},
		{"a pipe", func(string) string { require.NoError(t, syscall.Mkfifo("pipe", 0o644)); return "pipe" }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			outside := source(t)
			file, err := Create(c.given(outside))
			assert.NoFileExists(t, filepath.Join(outside, "made"))
			kept, readErr := os.ReadFile(filepath.Join(outside, "file"))
			require.NoError(t, readErr)
			assert.Equal(t, "kept", string(kept))
			if !c.ok {
				assert.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.NoError(t, file.Close())
		})
	}
}
