package escape

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLine(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"plain words stay as they are", "RUN make -j4", "RUN make -j4"},
		{"lines and tabs become one space", "RUN a\r\n\tb  c\n", "RUN a b c"},
		{"line and paragraph separators become one space", "a\u2028b\u2029c\u0085d", "a b c d"},
		{"colours are removed", "\x1b[31;1mfailed\x1b[0m", "failed"},
		{"the title of a terminal is not set", "\x1b]0;owned\x07a\x1b]0;owned\x1b\\b", "ab"},
		{"other escapes become U+FFFD", "a\x1bcb\x9b2Jc", "a\ufffdcb\ufffd2Jc"},
		{"a bell and a backspace become U+FFFD", "a\ab\bc\x00d\x7fe", "a\ufffdb\ufffdc\ufffdd\ufffde"},
		{"the direction of writing does not change", "a\u202eb\u2066c\u200b", "a\ufffdb\ufffdc\ufffd"},
		{"invalid UTF-8 becomes U+FFFD", "a\xffb", "a\ufffdb"},
		{"a command of GitHub Actions inside a line is broken", "x ##[add-path]/evil", "x ## [add-path]/evil"},
		{"a colour inside a command does not hide it", "#\x1b[0m#[error]x", "## [error]x"},
		{"a command of Azure Pipelines is broken", "##vso[task.setvariable]x", "## vso[task.setvariable]x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Line(c.text)) })
	}
}

func TestShortenCountsCharacters(t *testing.T) {
	assert.Equal(t, "äöü", Shorten("äöü", 3))
	assert.Equal(t, "äö…", Shorten("äöü", 2))
	assert.Empty(t, Shorten("", 2))
}

func TestValuesThatAMessageQuotesAreShortened(t *testing.T) {
	long, short := strings.Repeat("x", 100_000), strings.Repeat("x", 300)
	cases := []struct{ name, message, want string }{
		{"a message without a value", "is missing", "is missing"},
		{"a long message without a value", long, long},
		{"a short value", `is "ful": did you mean full?`, `is "ful": did you mean full?`},
		{"a value of just the length", `is "` + short + `"`, `is "` + short + `"`},
		{"a long value", `is "` + long + `": expected one of full, stages`, `is "` + short + `…": expected one of full, stages`},
		{"a long value between short ones", `"a" is not "` + long + `" or "b"`, `"a" is not "` + short + `…" or "b"`},
		{"a long value with quotes and lines", `has the tag ` + strconv.Quote(`"`+long+"\n"), `has the tag "\"` + short[1:] + `…"`},
		{"an escape is not cut", `is ` + strconv.Quote(short[1:]+"\n"+long), `is "` + short[1:] + `\n…"`},
		{"characters are not cut", `is "` + strings.Repeat("ä", 301) + `"`, `is "` + strings.Repeat("ä", 300) + `…"`},
		{"a quote without an end", `is ` + short + `" and ` + long, `is ` + short + `" and ` + long},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Values(c.message)) })
	}
}

func TestMarkdown(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"a table cell does not end", "a | b\nc", `a \| b c`},
		{"a tag is text", `<img src=x onerror="a()">&lt;`, `&lt;img src=x onerror="a()"&gt;&amp;lt;`},
		{"a link is text", "[a](http://b) ![c](d) www.e.com", `\[a\](http\://b) \!\[c\](d) www\.e.com`},
		{"emphasis and code are text", "*a* _b_ ~~c~~ `d` $e$", "\\*a\\* \\_b\\_ \\~\\~c\\~\\~ \\`d\\` \\$e\\$"},
		{"a backslash is text", `\|`, `\\\|`},
		{"a heading is text", "# a @b", `\# a \@b`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Markdown(c.text)) })
	}
}

func TestCode(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"empty text stays empty", "", ""},
		{"text is between backticks", "RUN a", "`RUN a`"},
		{"a longer fence holds backticks", "RUN `id` ``x``", "``` RUN `id` ``x`` ```"},
		{"a table cell does not end", "RUN a | b", "`RUN a \\| b`"},
		{"lines become one", "RUN <<EOF\na\nEOF", "`RUN <<EOF a EOF`"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Code(c.text)) })
	}
}

func TestCommandsOfGitHubActionsAreEscaped(t *testing.T) {
	assert.Equal(t, "100%25 a: b, c", Message("100% a:\r\n b, c"))
	assert.Equal(t, "100%25 a%3A b%2C c", Property("100% a:\r\n b, c"))
}
