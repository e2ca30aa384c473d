package lint

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFixInsertsAndLeavesEveryOtherByte(t *testing.T) {
	const head = "# syntax=docker/dockerfile:1\n"
	cases := []struct{ name, source, want string }{
		{"the flag is inserted after the name", head + "FROM scratch\nCOPY a /a/\nCOPY b /b/\n", head + "FROM scratch\nCOPY a /a/\nCOPY --link b /b/\n"},
		{"case, indentation and blanks are kept", head + "FROM scratch\nCOPY a /a/\n \t copy\t \t--from=x   b   /b/  \n\n\n", head + "FROM scratch\nCOPY a /a/\n \t copy --link\t \t--from=x   b   /b/  \n\n\n"},
		{"a missing last line end is not added", head + "FROM scratch\nCOPY a /a/\nCOPY b /b/", head + "FROM scratch\nCOPY a /a/\nCOPY --link b /b/"},
		{"Windows line ends are kept", "#syntax=docker/dockerfile:1\r\nFROM scratch\r\nCOPY a /a/\r\nCOPY b /b/\r\n", "#syntax=docker/dockerfile:1\r\nFROM scratch\r\nCOPY a /a/\r\nCOPY --link b /b/\r\n"},
		{"continued lines and comments in them are kept", head + "FROM scratch\nCOPY a /a/\nCOPY \\\n  # why\n\n  b \\\n  /b/\n", head + "FROM scratch\nCOPY a /a/\nCOPY --link \\\n  # why\n\n  b \\\n  /b/\n"},
		{"a continuation directly after the name", head + "FROM scratch\nCOPY a /a/\nCOPY\\\n b /b/\n", head + "FROM scratch\nCOPY a /a/\nCOPY --link\\\n b /b/\n"},
		{"the JSON form", head + "FROM scratch\nCOPY a /a/\nCOPY [\"b\", \"/b/\"]\n", head + "FROM scratch\nCOPY a /a/\nCOPY --link [\"b\", \"/b/\"]\n"},
		{"a heredoc that looks like instructions", head + "FROM scratch\nCOPY a /a/\nCOPY <<E /b\nCOPY c /c/\nE\n", head + "FROM scratch\nCOPY a /a/\nCOPY --link <<E /b\nCOPY c /c/\nE\n"},
		{"no syntax line is added, because the build would have to pull it", "FROM scratch\nCOPY a /a/\nCOPY b /b/\n", "FROM scratch\nCOPY a /a/\nCOPY --link b /b/\n"},
		{"a byte order mark and a shebang are kept", "\uFEFF#!/bin/docker\nFROM scratch\nCOPY a /a/\nCOPY b /b/\n", "\uFEFF#!/bin/docker\nFROM scratch\nCOPY a /a/\nCOPY --link b /b/\n"},
		{"another escape token is kept", "# escape=`\nFROM scratch\nCOPY a /a/\nCOPY `\n b /b/\n", "# escape=`\nFROM scratch\nCOPY a /a/\nCOPY --link `\n b /b/\n"},
		{"the first frontend with --link", "# syntax=docker/dockerfile:1.4\nFROM scratch\nCOPY a /a/\nCOPY b /b/\n", "# syntax=docker/dockerfile:1.4\nFROM scratch\nCOPY a /a/\nCOPY --link b /b/\n"},
		{"a frontend that does not have --link", "# syntax=docker/dockerfile:1.3\nFROM scratch\nCOPY a /a/\nCOPY b /b/\n", "# syntax=docker/dockerfile:1.3\nFROM scratch\nCOPY a /a/\nCOPY b /b/\n"},
		{"a frontend that is not known", "# syntax=example.com/mine:1.9\nFROM scratch\nCOPY a /a/\nCOPY b /b/\n", "# syntax=example.com/mine:1.9\nFROM scratch\nCOPY a /a/\nCOPY b /b/\n"},
		{"nothing is inserted where a comment silences the rule", "FROM scratch\nCOPY a /a/\n# layercache:ignore copy-without-link\nCOPY b /b/\n", "FROM scratch\nCOPY a /a/\n# layercache:ignore copy-without-link\nCOPY b /b/\n"},
		{"nothing is inserted for other findings", "FROM alpine\nCOPY a /a/\n", "FROM alpine\nCOPY a /a/\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fixed, done, err := Fix([]byte(c.source), Options{})
			require.NoError(t, err)
			assert.Equal(t, c.want, string(fixed))
			assert.Equal(t, c.source != c.want, len(done) > 0)
		})
	}
}

func TestFixReturnsTheFixedFindings(t *testing.T) {
	_, done, err := Fix([]byte("FROM scratch\nCOPY a /a/\nCOPY b /b/\nCOPY c /a/c/\n"), Options{})
	require.NoError(t, err)
	require.Len(t, done, 1)
	assert.Equal(t, "COPY --link b /b/", done[0].Change)
	assert.Equal(t, 3, done[0].Line)
}

func TestTheFrontendsThatHaveLink(t *testing.T) {
	digest := "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for syntax, want := range map[string]bool{
		"": true, "docker/dockerfile:1": true, "docker/dockerfile:1-labs": true, "docker.io/docker/dockerfile:1.7" + digest: true, "docker/dockerfile:1.4.3": true,
		"docker/dockerfile:labs": true, "docker/dockerfile-upstream:master": true, "docker/dockerfile:2.0": true, "docker/dockerfile:latest": true,
		"docker/dockerfile:1.0": false, "docker/dockerfile:1.2.1": false, "docker/dockerfile:1.3-labs": false, "docker/dockerfile:experimental": false,
		"docker/dockerfile:1.0-experimental": false, "docker/dockerfile" + digest: false, "ghcr.io/docker/dockerfile:1": false, "docker/dockerfile:0": false,
	} {
		assert.Equal(t, want, hasLink(syntax), syntax)
	}
}

func TestTheSamplesAreUnchangedExceptForInsertions(t *testing.T) {
	changed := 0
	for name, source := range samples(t) {
		t.Run(name, func(t *testing.T) {
			if checkFix(t, source) {
				changed++
			}
		})
	}
	assert.GreaterOrEqual(t, changed, 4, "several samples have something to fix")
}

// checkFix fixes a Dockerfile and compares the result with the source: the bytes without the insertions, and
// the parsed tree without --link. It reports whether there was something to fix.
func checkFix(t *testing.T, source []byte) bool {
	t.Helper()
	before := slices.Clone(source)
	fixed, done, err := Fix(source, Options{})
	require.Equal(t, before, source, "the source itself is not changed")
	if err != nil || len(done) == 0 {
		require.True(t, err != nil || bytes.Equal(source, fixed))
		return false
	}
	require.Equal(t, string(source), withoutInsertions(t, source, fixed, done))
	requireSameTree(t, source, fixed, done)

	again, more, err := Fix(fixed, Options{})
	require.NoError(t, err)
	require.Empty(t, more, "a second fix finds nothing")
	require.Equal(t, string(fixed), string(again))
	return true
}

// withoutInsertions removes one insertion for each fixed finding.
func withoutInsertions(t *testing.T, source, fixed []byte, done []Finding) string {
	t.Helper()
	lines := bytes.SplitAfter(fixed, []byte("\n"))
	for _, f := range done {
		i := f.Line - 1
		line := string(lines[i])
		require.Equal(t, 1, strings.Count(line[:len(line)-len(strings.TrimLeft(line, " \t\v\f\r"))+len("copy --link")], " --link"))
		lines[i] = []byte(strings.Replace(line, " --link", "", 1))
	}
	return string(bytes.Join(lines, nil))
}

func requireSameTree(t *testing.T, source, fixed []byte, done []Finding) {
	t.Helper()
	before, err := parser.Parse(bytes.NewReader(source))
	require.NoError(t, err)
	after, err := parser.Parse(bytes.NewReader(fixed))
	require.NoError(t, err)
	require.Equal(t, before.EscapeToken, after.EscapeToken)
	var linked []int
	for _, f := range done {
		if f.Fixable {
			linked = append(linked, f.Line)
		}
	}
	require.Len(t, after.AST.Children, len(before.AST.Children))
	for i, node := range before.AST.Children {
		other := after.AST.Children[i]
		if slices.Contains(linked, node.StartLine) {
			require.Equal(t, "--link", other.Flags[0])
			other.Flags = other.Flags[1:]
		}
		require.Equal(t, node.Dump(), other.Dump())
		require.Equal(t, node.Heredocs, other.Heredocs)
	}
}
