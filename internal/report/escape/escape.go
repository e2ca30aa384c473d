// Package escape makes text from outside harmless where it is shown. Instructions, errors and names come from Dockerfiles,
// tools and registries; none of them may move a terminal's cursor, begin a line of a log, or become a link or a tag.
package escape

import (
	"strings"
	"unicode"
)

// commands are what GitHub Actions and Azure Pipelines obey anywhere in a line.
var commands = strings.NewReplacer("##[", "## [", "##vso[", "## vso[")

// Line is the text on one line, redacted: white space is one space, and what cannot be seen or changes the direction of writing is U+FFFD.
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

// isPlain says that the text can stay as it is, as nearly all do: words of ASCII, one space between them, no command.
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

// Shorten cuts the text after limit characters, and shows that it did.
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

var markdown = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]",
	"|", "\\|", "~", "\\~", "#", "\\#", "!", "\\!", "$", "\\$", "@", "\\@", "://", "\\://", "www.", "www\\.", "WWW.", "WWW\\.",
)

// Markdown is the text on one line as prose in Markdown: no part of it is a link, a tag, a cell's end or emphasis.
func Markdown(text string) string { return markdown.Replace(Line(text)) }

// Code is the text on one line as a code span in Markdown, also in a cell of a table.
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

// Message is the text on one line as what a GitHub Actions command says.
//
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
func Message(text string) string { return message.Replace(Line(text)) }

// Property is the text on one line as a property of a GitHub Actions command.
func Property(text string) string { return property.Replace(Line(text)) }
