package source

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestChangesInTheFilesOfAStep(t *testing.T) {
	writes := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { write(t, dir, name, content) }
	}
	chmods := func(name string, mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, dir string) { require.NoError(t, os.Chmod(filepath.Join(dir, name), mode)) }
	}
	attribute := func(name, value string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, unix.Setxattr(filepath.Join(dir, "a.txt"), name, []byte(value), 0))
		}
	}
	links := func(to, name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			_ = os.Remove(filepath.Join(dir, name))
			require.NoError(t, os.Symlink(to, filepath.Join(dir, name)))
		}
	}
	cases := []struct {
		name, instruction string
		change            func(t *testing.T, dir string)
		want              []string
	}{
		{"no change", "COPY . .", func(*testing.T, string) {}, nil},
		{"only the time", "COPY . .", writes("a.txt", "a"), nil},
		{"a file's content", "COPY . .", writes("src/main.go", "package x"), []string{"src/main.go changed"}},
		{"a file's permissions", "COPY . .", chmods("a.txt", 0o755), []string{"a.txt changed"}},
		{"a folder's setgid bit", "COPY . .", chmods("src", 0o755|os.ModeSetgid), []string{"src changed"}},
		{"the sticky bit of the folder itself", "COPY src /src", chmods("src", 0o755|os.ModeSticky), []string{"src changed"}},
		{"the mode of the context, which BuildKit does not see", "COPY . .", chmods(".", 0o700), nil},
		{"an extended attribute", "COPY a.txt /", attribute("user.colour", "red"), []string{"a.txt changed"}},
		{"an extended attribute that BuildKit ignores", "COPY a.txt /", attribute("security.colour", "red"), nil},
		{"a link's target", "COPY . .", links("src", "link"), []string{"link changed"}},
		{"one file added and one removed", "COPY . .", func(t *testing.T, dir string) {
			write(t, dir, "b.txt", "")
			require.NoError(t, os.Remove(filepath.Join(dir, "a.txt")))
		}, []string{"b.txt was added to the build context", "a.txt was removed from the build context"}},
		{"a file that the ignore file excludes", "COPY . .", writes("ignored/x", "y"), nil},
		{"a file that is not copied", "COPY src /src", writes("a.txt", "b"), nil},
		{"a file that --exclude excludes", "COPY --exclude=*.go src /src", writes("src/main.go", "x"), nil},
		{"--exclude does not apply to what is named", "COPY --exclude=*.txt a.txt /", writes("a.txt", "x"), []string{"a.txt changed"}},
		{"a file that --exclude lets through", "COPY --exclude=*.md src /src", writes("src/main.go", "x"), []string{"src/main.go changed"}},
		{"a wildcard", "COPY *.txt /", writes("a.txt", "x"), []string{"a.txt changed"}},
		{"a file that a wildcard does not match", "COPY *.txt /", writes("a.md", "x"), nil},
		{"a pattern of --parents", "COPY --parents src/**/*.go /", writes("src/main.go", "x"), []string{"src/main.go changed"}},
		{"a file beside a pattern of --parents", "COPY --parents src/**/*.go /", writes("src/main.c", "x"), nil},
		{"a pivot of --parents", "COPY --parents src/./main.go /", writes("src/main.go", "x"), []string{"src/main.go changed"}},
		{"a file behind a symlink", "COPY link /", writes("a.txt", "x"), []string{"a.txt changed"}},
		{"a file behind a symlink to a folder", "COPY folder/main.go /", writes("src/main.go", "x"), []string{"src/main.go changed"}},
		{"another target of a symlink on the way", "COPY folder/main.go /", links("other", "folder"), []string{"folder changed", "other/main.go was added to the build context", "src/main.go was removed from the build context"}},
		{"a symlink that begins at the root means the context", "COPY absolute /", writes("a.txt", "x"), []string{"a.txt changed"}},
		{"a bind mount of the context", "RUN --mount=target=/in make", writes("a.txt", "x"), []string{"a.txt changed"}},
		{"a bind mount with a source", "RUN --mount=type=bind,source=src,target=/in make", writes("src/main.go", "x"), []string{"src/main.go changed"}},
		{"a file beside the source of a bind mount", "RUN --mount=source=src,target=/in make", writes("a.txt", "x"), nil},
		{"a folder given with --build-context", "COPY --from=other main.go /", writes("other/main.go", "x"), []string{"other:main.go changed"}},
		{"a file of the main context beside it", "COPY --from=other main.go /", writes("main.go", "x"), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			require.NoError(t, os.Symlink("src", filepath.Join(dir, "folder")))
			require.NoError(t, os.Symlink("/a.txt", filepath.Join(dir, "absolute")))
			before, old := digest(t, dir, c.instruction)
			c.change(t, dir)
			now, step := digest(t, dir, c.instruction)
			var got []string
			for _, change := range Changes(before, now, append(old.Selections, step.Selections...)) {
				got = append(got, change.String())
			}
			assert.Equal(t, c.want, got)
			assert.NotEmpty(t, step.Files)
			assert.Equal(t, c.want != nil, old.Files != step.Files)
		})
	}
}

func TestAnIgnoredFolderWithAnExceptionCounts(t *testing.T) {
	for patterns, compared := range map[string]bool{"src\n!src/main.go\n": true, "src\n!src/none\n": false} {
		dir := folder(t)
		write(t, dir, ".dockerignore", patterns)
		_, before := digest(t, dir, "COPY src /src")
		require.NoError(t, os.Chmod(filepath.Join(dir, "src"), 0o700))
		_, after := digest(t, dir, "COPY src /src")
		assert.Equal(t, compared, before.Files != after.Files, patterns)
	}
}

func TestFilesThatNoStepTakesAreNotRead(t *testing.T) {
	dir := folder(t)
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	write(t, dir, "huge", "")
	require.NoError(t, os.Truncate(filepath.Join(dir, "huge"), 1<<40))
	digests, _ := digest(t, dir, "COPY a.txt src /")
	assert.Len(t, digests, 3)
}

func TestReadingEndsWithTheContext(t *testing.T) {
	dir := folder(t)
	require.NoError(t, os.Truncate(filepath.Join(dir, "a.txt"), 1<<40))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parsed := parse(t, "COPY a.txt /")
	_, err := Digest(ctx, Contexts{"": dir}, "", parsed)
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, parsed.FilesKnown())
}

func TestFilesOfAContextThatIsNotAFolderAreNotKnown(t *testing.T) {
	parsed := parse(t, "COPY --from=other a /")
	_, err := Digest(t.Context(), Contexts{"": folder(t)}, "", parsed)
	require.NoError(t, err)
	assert.False(t, parsed.FilesKnown())
}

func TestASymlinkOutOfTheContextIsNotFollowed(t *testing.T) {
	for _, instruction := range []string{"COPY . .", "COPY out /", "COPY out* /"} {
		t.Run(instruction, func(t *testing.T) {
			dir := folder(t)
			secret := filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(secret, []byte("one"), 0o600))
			require.NoError(t, os.Symlink(secret, filepath.Join(dir, "out")))
			_, before := digest(t, dir, instruction)
			require.NoError(t, os.WriteFile(secret, []byte("two"), 0o600))
			_, after := digest(t, dir, instruction)
			assert.Equal(t, before.Files, after.Files)
		})
	}
}

func TestManifestsThatReadNoOtherFile(t *testing.T) {
	goFiles, npm := []string{"go.mod", "go.sum"}, []string{"package.json", "package-lock.json"}
	cases := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"a Go module", map[string]string{"go.mod": "module a\n", "go.sum": ""}, goFiles},
		{"a Go module that replaces another with a folder", map[string]string{"go.mod": "module a\nreplace b => ./b\n", "go.sum": ""}, nil},
		{"a Go workspace", map[string]string{"go.mod": "module a\n", "go.sum": "", "go.work": ""}, nil},
		{"a Go module without sums", map[string]string{"go.mod": "module a\n"}, nil},
		{"an npm package", map[string]string{"package.json": `{"scripts":{"build":"tsc"}}`, "package-lock.json": "{}"}, npm},
		{"an npm package with a configuration", map[string]string{"package.json": "{}", "package-lock.json": "{}", ".npmrc": ""}, nil},
		{"an npm package with a script at installation", map[string]string{"package.json": `{"scripts":{"postinstall":"node x"}}`, "package-lock.json": "{}"}, nil},
		{"an npm package with a script after changes of its dependencies", map[string]string{"package.json": `{"scripts":{"dependencies":"node x"}}`, "package-lock.json": "{}"}, nil},
		{"an npm package with workspaces", map[string]string{"package.json": `{"workspaces":["a"]}`, "package-lock.json": "{}"}, nil},
		{"an npm package with a local dependency", map[string]string{"package.json": `{"dependencies":{"a":"file:../a"}}`, "package-lock.json": "{}"}, nil},
		{"an npm package that is not JSON", map[string]string{"package.json": "{", "package-lock.json": "{}"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range c.files {
				write(t, dir, name, content)
			}
			assert.Equal(t, c.want, SelfContained(dir))
		})
	}
}
