package source

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSourcesOfAnInstruction(t *testing.T) {
	cases := []struct {
		name, instruction string
		want              []string
	}{
		{"another instruction", "RUN cp a b", nil},
		{"an unknown instruction that starts with COPY", "COPYING a b", nil},
		{"an empty instruction", "", nil},
		{"COPY without a destination", "COPY a", nil},
		{"COPY", "COPY a b", []string{"a"}},
		{"ADD", "ADD a b", []string{"a"}},
		{"an ONBUILD instruction", "ONBUILD COPY a b", []string{"a"}},
		{"several sources", "COPY a b c /to/", []string{"a", "b", "c"}},
		{"flags", "COPY --link --chown=1:1 --chmod=755 a b", []string{"a"}},
		{"files of another stage", "COPY --from=build /app /app", nil},
		{"files of another stage, after a flag", "COPY --link --from=build /app /app", nil},
		{"the JSON form", `COPY ["a b", "c", "/to/"]`, []string{"a b", "c"}},
		{"the JSON form, after a flag", `COPY --link ["a b", "/to/"]`, []string{"a b"}},
		{"a source that is a URL", "ADD https://example.com/x.tar.gz a /to/", []string{"a"}},
		{"only a URL", "ADD https://example.com/x.tar.gz /to/", []string{}},
		{"a here-document", "COPY <<EOF /to/file", []string{}},
		{"a here-document and a file", "COPY <<EOF a /to/", []string{"a"}},
		{"several spaces in a row", "COPY   a    b", []string{"a"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Sources(c.instruction)) })
	}
}

func TestWhichFilesACopyTakes(t *testing.T) {
	cases := []struct {
		name, file, source string
		want               bool
	}{
		{"the file itself", "a.go", "a.go", true},
		{"another file", "a.go", "b.go", false},
		{"the whole context", "deep/a.go", ".", true},
		{"a folder", "deep/a.go", "deep", true},
		{"a folder with a slash", "deep/a.go", "./deep/", true},
		{"a folder whose name starts the same", "deeper/a.go", "deep", false},
		{"a wildcard", "a.go", "*.go", true},
		{"a wildcard does not cross folders", "deep/a.go", "*.go", false},
		{"a wildcard that matches a folder", "deep/a.go", "de*", true},
		{"a path above the context means the context", "a.go", "../a.go", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Copied(c.file, []string{c.source})) })
	}
}

// folder creates a context with a file, a folder, a symlink and a file that .dockerignore excludes.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "a.txt", "a")
	write(t, dir, "src/main.go", "package main")
	write(t, dir, "ignored/x", "x")
	write(t, dir, ".dockerignore", "ignored\n")
	require.NoError(t, os.Symlink("a.txt", filepath.Join(dir, "link")))
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func digest(t *testing.T, dir string) Digests {
	t.Helper()
	digests, err := Digest(t.Context(), dir, filepath.Join(dir, "Dockerfile"))
	require.NoError(t, err)
	return digests
}

func TestChanges(t *testing.T) {
	cases := []struct {
		name   string
		change func(t *testing.T, dir string)
		want   []string
	}{
		{"no change", func(*testing.T, string) {}, nil},
		{"only the time", func(t *testing.T, dir string) { write(t, dir, "a.txt", "a") }, nil},
		{"a file's content", func(t *testing.T, dir string) { write(t, dir, "src/main.go", "package x") }, []string{"src/main.go changed"}},
		{"a file's permissions", func(t *testing.T, dir string) { require.NoError(t, os.Chmod(filepath.Join(dir, "a.txt"), 0o755)) }, []string{"a.txt changed"}},
		{"a link's target", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "link")))
			require.NoError(t, os.Symlink("src", filepath.Join(dir, "link")))
		}, []string{"link changed"}},
		{"one file added and one removed", func(t *testing.T, dir string) {
			write(t, dir, "b.txt", "")
			require.NoError(t, os.Remove(filepath.Join(dir, "a.txt")))
		}, []string{"b.txt was added", "a.txt was removed"}},
		{"a file that the ignore file excludes", func(t *testing.T, dir string) { write(t, dir, "ignored/x", "y") }, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			before := digest(t, dir)
			c.change(t, dir)
			var got []string
			for _, change := range Changes(before, digest(t, dir), []string{"."}) {
				got = append(got, change.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestATooLargeContextIsNotRead(t *testing.T) {
	dir := folder(t)
	require.NoError(t, os.Truncate(filepath.Join(dir, "a.txt"), maxBytes+1))
	_, err := Digest(t.Context(), dir, "Dockerfile")
	assert.ErrorIs(t, err, ErrTooLarge)
}

func TestASymlinkOutOfTheContextIsNotFollowed(t *testing.T) {
	dir := folder(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("one"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "out")))
	before := digest(t, dir)
	require.NoError(t, os.WriteFile(secret, []byte("two"), 0o600))
	assert.Empty(t, Changes(before, digest(t, dir), []string{"."}))
}

// The author of the source controls the ignore file. None of these may be read or block the build.
func TestAnIgnoreFileThatIsNotARegularFileInTheFolderIsRefused(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"a symlink to a file outside":  func(path string) error { return os.Symlink("/etc/hostname", path) },
		"a symlink upwards":            func(path string) error { return os.Symlink("../../etc/hostname", path) },
		"a symlink to an endless file": func(path string) error { return os.Symlink("/dev/zero", path) },
		"a folder":                     func(path string) error { return os.Mkdir(path, 0o755) },
		"a file of one terabyte": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 1<<40))
		},
		"a symlink to itself": func(path string) error { return os.Symlink(filepath.Base(path), path) },
	} {
		for _, file := range []string{".dockerignore", "Dockerfile.dockerignore"} {
			t.Run(name+" as "+file, func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, plant(filepath.Join(dir, file)))
				_, _, err := Ignore(dir, filepath.Join(dir, "Dockerfile"))
				assert.ErrorContains(t, err, file)
				_, err = Digest(t.Context(), dir, filepath.Join(dir, "Dockerfile"))
				assert.Error(t, err)
			})
		}
	}
}

func TestAnIgnoreFileMayBeASymlinkInsideTheFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "docker/ignore", "a\n")
	require.NoError(t, os.Symlink("docker/ignore", filepath.Join(dir, ".dockerignore")))
	file, ignored, err := Ignore(dir, filepath.Join(dir, "Dockerfile"))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, ".dockerignore"), file)
	matched, err := ignored.MatchesOrParentMatches("a")
	require.NoError(t, err)
	assert.True(t, matched)
}
