package try

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// copied copies the folder as a context and returns the path of the copy.
func copied(t *testing.T, dir string) string {
	t.Helper()
	target, err := copyContext(dir, filepath.Join(dir, "Dockerfile"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(target) })
	return target
}

// filesIn returns the paths of all files below dir.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(relative))
		}
		return err
	}))
	return names
}

func TestFilesThatDockerignoreExcludesAreNotCopied(t *testing.T) {
	all := []string{"Dockerfile", "a.go", "deep/a.go", "deep/b.txt", "node_modules/x/y.js"}
	cases := []struct {
		name   string
		ignore map[string]string
		want   []string
	}{
		{"no ignore file", nil, all},
		{"a folder", map[string]string{".dockerignore": "node_modules\n"}, []string{".dockerignore", "Dockerfile", "a.go", "deep/a.go", "deep/b.txt"}},
		{"a pattern for all depths", map[string]string{".dockerignore": "**/*.go\nnode_modules"}, []string{".dockerignore", "Dockerfile", "deep/b.txt"}},
		{"a pattern for the top level only", map[string]string{".dockerignore": "*.go\nnode_modules"}, []string{".dockerignore", "Dockerfile", "deep/a.go", "deep/b.txt"}},
		{"everything but some", map[string]string{".dockerignore": "*\n!deep/*.go\n"}, []string{".dockerignore", "deep/a.go"}},
		{"an exception below an excluded folder", map[string]string{".dockerignore": "deep\n!deep/b.txt\nnode_modules"}, []string{".dockerignore", "Dockerfile", "a.go", "deep/b.txt"}},
		{"comments, blanks and a leading slash", map[string]string{".dockerignore": "# no\n\n  /node_modules  \n"}, []string{".dockerignore", "Dockerfile", "a.go", "deep/a.go", "deep/b.txt"}},
		{"the ignore file itself is still sent", map[string]string{".dockerignore": "*"}, []string{".dockerignore"}},
		{"the Dockerfile's own ignore file takes precedence", map[string]string{".dockerignore": "deep", "Dockerfile.dockerignore": "node_modules\na.go"},
			[]string{".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "deep/a.go", "deep/b.txt"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, all...)
			for name, content := range c.ignore {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
			}
			assert.Equal(t, c.want, filesIn(t, copied(t, dir)))
		})
	}
}

func TestACopyHasTheSameContentModesTimesAndSymlinks(t *testing.T) {
	dir := folder(t, "Dockerfile", "run.sh", "read-only", "deep/file")
	require.NoError(t, os.Chmod(filepath.Join(dir, "run.sh"), 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "read-only"), 0o444))
	require.NoError(t, os.Symlink("deep/file", filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	require.NoError(t, os.Symlink("deep", filepath.Join(dir, "folder-link")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o750))
	target := copied(t, dir)

	for _, name := range []string{"run.sh", "read-only", "deep/file", "empty"} {
		want, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		got, err := os.Stat(filepath.Join(target, name))
		require.NoError(t, err)
		assert.Equal(t, want.Mode(), got.Mode(), name)
		if !want.IsDir() {
			assert.WithinDuration(t, want.ModTime(), got.ModTime(), time.Millisecond, name)
			assert.Equal(t, "content of "+name, contentOf(t, filepath.Join(target, name)))
		}
	}
	for name, want := range map[string]string{"link": "deep/file", "dangling": "nowhere", "folder-link": "deep"} {
		got, err := os.Readlink(filepath.Join(target, name))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestAFolderBehindASymlinkIsCopied(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(folder(t, "Dockerfile", "a.go"), link))
	assert.Equal(t, []string{"Dockerfile", "a.go"}, filesIn(t, copied(t, link)))
}

func TestSocketsAreNotCopied(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "lc") // A path short enough for a socket.
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	defer listener.Close()
	assert.Empty(t, filesIn(t, copied(t, dir)))
}

func TestAContextThatCannotBeCopiedLeavesNoFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := folder(t, "Dockerfile")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("[a-"), 0o644))
	_, err := copyContext(dir, filepath.Join(dir, "Dockerfile"))
	require.ErrorContains(t, err, "copy the build context "+dir)
	entries, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, entries)
}
