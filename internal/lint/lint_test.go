package lint

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
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
	source := []byte("FROM scratch\n" + strings.Repeat("COPY a /a/b/\nRUN date\n", 5_000))
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

func TestReplaceKeepsModeAndSymlink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o640))
	require.NoError(t, os.Chmod(file, 0o640))
	require.NoError(t, os.Symlink("file", link))

	require.NoError(t, Replace(link, []byte("new")))

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "new", string(content))
	info, err := os.Lstat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
	target, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "file", target)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "no temporary file is left")

	assert.ErrorContains(t, Replace(filepath.Join(dir, "none"), nil), "the file is unchanged")
}
