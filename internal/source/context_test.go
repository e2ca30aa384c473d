package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/source/outline"
)

func TestWhatAnInstructionTakesFromTheContext(t *testing.T) {
	files := func(sources ...string) []outline.Selection { return []outline.Selection{{Sources: sources}} }
	mount := func(source string) outline.Selection {
		return outline.Selection{Sources: []string{source}, Literal: true}
	}
	cases := []struct {
		name, instruction string
		want              []outline.Selection
	}{
		{"another instruction", "RUN cp a b", nil},
		{"an unknown instruction that starts with COPY", "COPYING a b", nil},
		{"an empty instruction", "", nil},
		{"COPY without a destination", "COPY a", nil},
		{"COPY", "COPY a b", files("a")},
		{"ADD", "ADD a b", files("a")},
		{"an ONBUILD instruction", "ONBUILD COPY a b", files("a")},
		{"several sources", "COPY a b c /to/", files("a", "b", "c")},
		{"flags", "COPY --link --chown=1:1 --chmod=755 a b", files("a")},
		{"files of another stage", "COPY --from=build /app /app", nil},
		{"files of another stage, after a flag", "COPY --link --from=build /app /app", nil},
		{"the JSON form", `COPY ["a b", "c", "/to/"]`, files("a b", "c")},
		{"the JSON form, after a flag", `COPY --link ["a b", "/to/"]`, files("a b")},
		{"the JSON form as BuildKit's progress shows it", "COPY [a.txt, b.txt, /to/]", files("a.txt", "b.txt")},
		{"a name in brackets", "COPY [ab].txt /to/", files("[ab].txt")},
		{"a source that is a URL", "ADD https://example.com/x.tar.gz a /to/", files("a")},
		{"only a URL", "ADD https://example.com/x.tar.gz /to/", nil},
		{"only a repository", "ADD git@example.com:a/b.git /to/", nil},
		{"a here-document", "COPY <<EOF /to/file", nil},
		{"a here-document and a file", "COPY <<EOF a /to/", files("a")},
		{"several spaces in a row", "COPY   a    b", files("a")},
		{"--exclude and --parents", "COPY --exclude=*.log --parents a /to/", []outline.Selection{{Sources: []string{"a"}, Exclude: []string{"*.log"}, Parents: true}}},
		{"a mount is a bind mount by default", "RUN --mount=target=/src make", []outline.Selection{mount("/")}},
		{"a bind mount with a source", "RUN --network=none --mount=type=bind,source=src,target=/src make", []outline.Selection{mount("src")}},
		{"the short form of source", "RUN --mount=src=a,dst=/a --mount=source=b,target=/b make", []outline.Selection{mount("a"), mount("b")}},
		{"a mount of another stage", "RUN --mount=from=build,target=/src make", nil},
		{"other kinds of mounts", "RUN --mount=type=cache,target=/a --mount=type=secret,id=b make", nil},
		{"a flag of the command itself", "RUN make --mount=target=/src", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Selections(c.instruction)) })
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
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, Copied(c.file, []outline.Selection{{Sources: []string{c.source}}}))
		})
	}
}

// folder creates a context with a file, two folders, a symlink and a file that .dockerignore excludes.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "a.txt", "a")
	write(t, dir, "src/main.go", "package main")
	write(t, dir, "ignored/x", "x")
	write(t, dir, "other/main.go", "other")
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

// parse returns the outline of a Dockerfile with one stage.
func parse(t *testing.T, instructions ...string) *outline.Outline {
	t.Helper()
	parsed, err := outline.Parse([]byte("FROM scratch\n"+strings.Join(instructions, "\n")), outline.Options{Contexts: map[string]string{"other": outline.Folder}})
	require.NoError(t, err)
	return parsed
}

// digest reads the files that the instruction takes from dir. "other" is a context of its own.
func digest(t *testing.T, dir, instruction string) (Digests, *outline.Step) {
	t.Helper()
	parsed := parse(t, instruction)
	digests, err := Digest(t.Context(), Contexts{"": dir, "other": filepath.Join(dir, "other")}, filepath.Join(dir, "Dockerfile"), parsed)
	require.NoError(t, err)
	return digests, &parsed.Stages[0].Steps[0]
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
				_, err = Digest(t.Context(), Contexts{"": dir}, filepath.Join(dir, "Dockerfile"), parse(t, "COPY . ."))
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
