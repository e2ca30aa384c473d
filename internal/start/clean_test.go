package start

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestALogCannotControlTheTerminal(t *testing.T) {
	cases := []struct{ name, text, plain, coloured string }{
		{"plain text with tabs", "a\tb ü\n", "a\tb ü\n", "a\tb ü\n"},
		{"a colour", "\x1b[1;31mred\x1b[0m", "red", "\x1b[1;31mred\x1b[0m\x1b[0m"},
		{"a colour that never ends", "\x1b[31mred\nstill\n", "red\nstill\n", "\x1b[31mred\nstill\x1b[0m\n"},
		{"the screen erased", "a\x1b[2J\x1b[Hb", "ab", "ab"},
		{"a window's title", "a\x1b]0;title\x07b", "ab", "ab"},
		{"a clipboard written", "a\x1b]52;c;ZXZpbA==\x1b\\b", "ab", "ab"},
		{"a string without an end", "a\x1b]0;title\nb", "a\nb", "a\nb"},
		{"a device's control string", "a\x1bPq#0\x1b\\b", "ab", "ab"},
		{"an incomplete sequence", "a\x1b[3", "a3", "a3"},
		{"an escape at the end", "a\x1b", "a", "a"},
		{"a control sequence in one character", "a\u009b2Jb", "a2Jb", "a2Jb"},
		{"a sequence that resembles a colour", "a\x1b[?1mb\x1b[>4mc", "abc", "abc"},
		{"a line drawn over", "10%\r20%\r\ndone", "10%\n20%\ndone", "10%\n20%\ndone"},
		{"bells and backspaces", "a\a\b\x00\x7fb", "ab", "ab"},
		{"text of reversed direction", "a\u202Etxt\u2066b", "atxtb", "atxtb"},
		{"invalid UTF-8", "a\xff\xfeb", "a\uFFFDb", "a\uFFFDb"},
		{"an escape sequence that appears after another is removed", "\x1b\x1b[2J[2J", "[2J", "[2J"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.plain, clean(c.text, false))
			assert.Equal(t, c.coloured, clean(c.text, true))
		})
	}
}

func FuzzCleanLeavesNoControlCharacter(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m\x1b]0;t\x07\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, character := range clean(text, false) {
			assert.True(t, character == '\n' || character == '\t' || character >= ' ' && (character < 0x7f || character > 0x9f), "%q", character)
		}
		assert.Empty(t, escapePattern.FindString(colourPattern.ReplaceAllString(clean(text, false), "")))
	})
}
