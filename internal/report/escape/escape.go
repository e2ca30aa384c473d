// Package escape makes text from outside safe to show. Instructions, errors and names come from Dockerfiles,
// tools and registries. They must not move a terminal's cursor, begin a new line in a log, or become a link
// or a tag.
package escape

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// commands breaks the commands that GitHub Actions and Azure Pipelines obey anywhere in a line.
var commands = strings.NewReplacer("##[", "## [", "##vso[", "## vso[")

// Line returns the text on one line, redacted. White space becomes one space; control characters, invisible
// characters and those that change the direction of writing become U+FFFD.
func Line(text string) string {
	text = Redact(text)
	if isPlain(text) {
		return text
	}
	text = sequences.ReplaceAllString(text, "")
	text = strings.Join(strings.Fields(text), " ")
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	return commands.Replace(text)
}

// isPlain reports whether Line returns the text as it is, without looking for commands: ASCII words with
// single spaces.
func isPlain(text string) bool {
	space := true
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == '#' || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return !space || text == ""
}

// Shorten cuts the text after limit characters and then appends "…".
func Shorten(text string, limit int) string {
	count := 0
	for i := range text {
		if count == limit {
			return text[:i] + "…"
		}
		count++
	}
	return text
}

// maxValue is the number of characters of a value that a message shows. Names of AWS resources have up to 256.
const maxValue = 300

// Value returns a value for a message that says what is wrong with it: the beginning of a very long one.
func Value(text string) string { return Shorten(text, maxValue) }

// quotation matches a value as the verb %q of package fmt writes it.
var quotation = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`)

// Values returns the message with Value of each value that it quotes.
func Values(message string) string {
	if len(message) <= maxValue {
		return message
	}
	return quotation.ReplaceAllStringFunc(message, func(quoted string) string {
		value, err := strconv.Unquote(quoted)
		if short := Value(value); err == nil && short != value {
			return strconv.Quote(short)
		}
		return quoted
	})
}

var markdown = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]",
	"|", "\\|", "~", "\\~", "#", "\\#", "!", "\\!", "$", "\\$", "@", "\\@", "://", "\\://", "www.", "www\\.", "WWW.", "WWW\\.",
)

// Markdown returns the text on one line as plain text in Markdown, without links, tags, cell borders or
// emphasis.
func Markdown(text string) string { return markdown.Replace(Line(text)) }

// Code returns the text on one line as a code span in Markdown. It is safe in a table cell.
func Code(text string) string {
	text = strings.ReplaceAll(Line(text), "|", "\\|")
	if text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) == 1 {
		return fence + text + fence
	}
	return fence + " " + text + " " + fence
}

var (
	message  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Message returns the text on one line as the message of a GitHub Actions command.
//
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
func Message(text string) string { return message.Replace(Line(text)) }

// Property returns the text on one line as a property of a GitHub Actions command.
func Property(text string) string { return property.Replace(Line(text)) }
