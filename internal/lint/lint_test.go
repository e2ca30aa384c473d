package lint

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnInvalidDockerfileIsAnErrorWithItsLine(t *testing.T) {
	cases := []struct {
		name   string
		source []byte
		want   string
	}{
		{"an empty file", nil, "f:1: BuildKit cannot parse this: file with no instructions"},
		{"an instruction that does not exist", []byte("FROM a\nRUNN x\n"), "f:2: BuildKit cannot parse this: unknown instruction: RUNN"},
		{"a flag that does not exist", []byte("FROM a\n\nCOPY --lnk a b\n"), "f:3: BuildKit cannot parse this: unknown flag: --lnk"},
		{"no stage", []byte("ARG A\n"), "f: no FROM"},
		{"an instruction before the first stage", []byte("# c\nRUN x\n"), "f:2: BuildKit cannot parse this: RUN before the first FROM"},
		{"a heredoc without its end", []byte("FROM a\nRUN <<E\nx\n"), "unterminated heredoc"},
		{"a NUL byte", []byte("FROM a\nRUN x\x00y\n"), "f:2: contains a NUL byte"},
		{"UTF-16", []byte("\xff\xfeF\x00R\x00"), "f:1: contains a NUL byte"},
		{"10 MB in one line", bytes.Repeat([]byte("x"), 10<<20), "f: longer than"},
		{"10 MB in many lines", bytes.Repeat([]byte("RUN x\n"), 10<<20/6), "f: longer than"},
		{"a line longer than BuildKit accepts", append([]byte("FROM a\nRUN "), bytes.Repeat([]byte("x"), 1<<17)...), "line greater than max allowed size"},
		{"terminal escapes", []byte("FROM a\n\x1b[31mRUN x\n"), `unknown instruction: \x1b[31mRUN`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Check(c.source, Options{File: "f"})
			assert.ErrorContains(t, err, c.want)
			_, _, err = Fix(c.source, Options{File: "f"})
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// BuildKit v0.33.0 panics here if its parser is called without a linter.
func TestACheckCommentAboveAnInstructionIsAccepted(t *testing.T) {
	_, err := Check([]byte("FROM a\n# check=skip=all\nRUN x\n"), Options{})
	assert.NoError(t, err)
}

func TestALongDockerfileIsChecked(t *testing.T) {
	source := []byte("FROM scratch\n" + strings.Repeat("COPY a /a/b/\nRUN date >/d\n", 5_000))
	findings, err := Check(source, Options{})
	require.NoError(t, err)
	assert.Len(t, findings, 5_001, "one for each RUN date, and one for the missing syntax line")
}

func TestControlCharactersDoNotReachTheReport(t *testing.T) {
	source := "FROM \x1b[31mbase\u202e\x9b\nCOPY --chown=\x1b]0;x\x07 a\x07 /a\x1b[2J/\nARG COMMIT\nRUN \x1b[1A git clone \x1b\n"
	findings, err := Check([]byte(source), Options{File: "D\x1b[0mf\n"})
	require.NoError(t, err)
	require.NotEmpty(t, findings)
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return WriteText(b, findings) },
		func(b *bytes.Buffer) error { return WriteJSON(b, findings) },
		func(b *bytes.Buffer) error { return WriteSARIF(b, findings) },
	} {
		var out bytes.Buffer
		require.NoError(t, write(&out))
		for _, r := range out.String() {
			require.True(t, r == '\n' || unicode.IsPrint(r), "%q in %q", r, out.String())
		}
	}
}

func TestTheContextIsReadAsBuildKitReadsIt(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	dockerfile := filepath.Join(dir, "Dockerfile")

	context, err := ReadContext(dir, dockerfile)
	require.NoError(t, err)
	assert.Empty(t, context.IgnoreFile)
	assert.Nil(t, context.Ignored)

	write(".dockerignore", "# mine\ndist\n")
	context, err = ReadContext(dir, dockerfile)
	require.NoError(t, err)
	assert.Equal(t, ".dockerignore", context.IgnoreFile)

	write("Dockerfile.dockerignore", ".git\n")
	context, err = ReadContext(dir, dockerfile)
	require.NoError(t, err)
	assert.Equal(t, "Dockerfile.dockerignore", context.IgnoreFile, "the Dockerfile's own ignore file takes precedence")

	write("Dockerfile.dockerignore", "[\n")
	_, err = ReadContext(dir, dockerfile)
	assert.ErrorContains(t, err, "correct the pattern")

	_, err = ReadContext(filepath.Join(dir, "none"), dockerfile)
	assert.ErrorContains(t, err, "read the build context")
	_, err = ReadContext(filepath.Join(dir, ".dockerignore"), dockerfile)
	assert.ErrorContains(t, err, "is not a folder")
}

func TestTheContextIsFound(t *testing.T) {
	cases := []struct {
		name, dockerfile string
		files            []string
		want             string // relative to the folder of the Dockerfile; empty if it is not known
	}{
		{"the Dockerfile's folder has what is copied", "FROM a\nCOPY app.js /app/\n", []string{"service/docker/app.js", "app.js"}, "."},
		{"a folder above has it", "FROM a\nCOPY . /app/\nCOPY package.json src /app/\n", []string{"service/package.json", "service/src/x"}, ".."},
		{"no folder has it", "FROM a\nCOPY generated /app/\n", nil, ""},
		{"only the whole context is copied", "FROM a\nCOPY . /app/\n", nil, "."},
		{"a folder above has an ignore file, and may be the context", "FROM a\nCOPY . /app/\n", []string{".dockerignore"}, ""},
		{"the Dockerfile's folder has an ignore file", "FROM a\nCOPY . /app/\n", []string{".dockerignore", "service/docker/.dockerignore"}, "."},
		{"another stage's files and patterns say nothing", "FROM a AS b\nFROM a\nCOPY --from=b /x /app/\nCOPY *.js $F /app/\n", nil, "."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for _, file := range append(c.files, ".git/HEAD", "service/docker/Dockerfile") {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(root, file), nil, 0o644))
			}
			dir := filepath.Join(root, "service/docker")
			got, ok := FindContext([]byte(c.dockerfile), dir)
			assert.Equal(t, c.want != "", ok)
			if ok {
				assert.Equal(t, filepath.Join(dir, c.want), got)
			}
		})
	}
}

func TestReplaceKeepsEverythingButTheContent(t *testing.T) {
	dir := t.TempDir()
	file, link, other := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "other")
	require.NoError(t, os.WriteFile(file, []byte("old, and longer"), 0o640))
	require.NoError(t, os.Chmod(file, 0o640))
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(file, 1000, 1001))
	}
	require.NoError(t, os.Symlink("file", link))
	require.NoError(t, os.Link(file, other))
	before, err := os.Stat(file)
	require.NoError(t, err)

	require.NoError(t, Replace(link, []byte("old, and longer"), []byte("new")))

	after, err := os.Stat(file)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "the file is the same inode, with its owner, links and attributes")
	assert.Equal(t, before.Mode(), after.Mode())
	owner := func(info os.FileInfo) [2]uint32 {
		stat := info.Sys().(*syscall.Stat_t)
		return [2]uint32{stat.Uid, stat.Gid}
	}
	assert.Equal(t, owner(before), owner(after))
	for _, path := range []string{file, link, other} {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "new", string(content), path)
	}
	target, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "file", target)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 3, "no temporary file is left")
}

func TestReplaceLeavesAFileThatItCannotReplace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("edited"), 0o644))
	assert.ErrorContains(t, Replace(file, []byte("read"), []byte("new")), "was changed in the meantime")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "edited", string(content))

	assert.ErrorContains(t, Replace(filepath.Join(dir, "none"), nil, nil), "no such file")
	assert.ErrorContains(t, Replace(dir, nil, nil), "is not a regular file")
}
