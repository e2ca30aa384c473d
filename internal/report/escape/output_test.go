package escape

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOutput(t *testing.T) {
	cases := []struct{ name, line, want string }{
		{"plain text stays, with its spaces", "  a\t b  ", "  a\t b  "},
		{"letters of other scripts stay", "ветка 分支 می\u200cخواهم 👩\u200d💻", "ветка 分支 می\u200cخواهم 👩\u200d💻"},
		{"colours stay and end with the line", "\x1b[31;1mfailed", "\x1b[31;1mfailed\x1b[0m"},
		{"colours by number stay", "\x1b[38:5:196mx\x1b[0m y", "\x1b[38:5:196mx\x1b[0m y"},
		{"the cursor is not moved", "a\x1b[2J\x1b[1Ab\x1b[Kc\x1b[?25ld", "abcd"},
		{"the title is not set, no link is made", "\x1b]0;owned\x07a\x1b]8;;http://x\x1b\\b", "ab"},
		{"an incomplete sequence becomes U+FFFD", "a\x1bcb\x1b]0;x", "a\ufffdcb\ufffd]0;x"},
		{"nested sequences do not form a new one", "\x1b[\x1b[0m2J", "\ufffd[\x1b[0m2J"},
		{"an eight-bit sequence becomes U+FFFD", "\u009b2J\x9b2J", "\ufffd2J\ufffd2J"},
		{"the beginning of the line is not overwritten", "evil\r#1 DONE", "evil #1 DONE"},
		{"no second line begins", "a\nb\u2028c\u2029d\u0085e\vf", "a b c d\ufffde\ufffdf"},
		{"NUL, bell, backspace and delete become U+FFFD", "a\x00b\ac\bd\x7f", "a\ufffdb\ufffdc\ufffdd\ufffd"},
		{"the direction of writing does not change", "a\u202eb\u2066c\u200fd", "a\ufffdb\ufffdc\ufffdd"},
		{"invisible characters become U+FFFD", "a\U000e0041\u200b\ufeff", "a\ufffd\ufffd\ufffd"},
		{"invalid UTF-8 becomes U+FFFD", "a\xffb", "a\ufffdb"},
		{"a command of GitHub Actions at the beginning is broken", " ::add-mask::x", " : :add-mask::x"},
		{"a command with more colons is broken", ":::set-env::x", ": ::set-env::x"},
		{"a command after spaces of other scripts is broken", "\u00a0\u3000::stop-commands::x", "\u00a0\u3000: :stop-commands::x"},
		{"two colons inside a line stay", "std::string # a", "std::string # a"},
		{"a command of GitHub Actions inside a line is broken", "x ##[add-path]/evil", "x ## [add-path]/evil"},
		{"a command with a terminal title inside is broken", "x ##\x1b]0;t\x07[add-path]/evil", "x ## [add-path]/evil"},
		{"a command of Azure Pipelines is broken", "##vso[task.setvariable]x", "## vso[task.setvariable]x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Output(c.line)) })
	}
}

func TestAllLinesButTheFirstAreIndented(t *testing.T) {
	assert.Equal(t, "a ## [x]\n  : :b\n  layercache: cache used\n", Lines("a ##[x]\n::b\nlayercache: cache used\n"))
}

func FuzzOutput(f *testing.F) {
	f.Add("\x1b[31mred\x1b]0;title\x07\r##[x] ::y\u202e\xff")
	f.Fuzz(func(t *testing.T, line string) {
		shown := Output(line)
		withoutColours := colourAnywhere.ReplaceAllString(shown, "")
		assert.NotRegexp(t, "[\x00-\x08\x0a-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069]", withoutColours)
		assert.NotContains(t, shown, "##[")
		assert.False(t, strings.HasPrefix(strings.TrimSpace(shown), "::"), shown)
		assert.Equal(t, shown, Output(shown), "escaping twice changes nothing more")
	})
}

var colourAnywhere = regexp.MustCompile("\x1b\\[[0-9;:]*m")
