package start

import (
	"regexp"
	"strings"
	"unicode"
)

// escapePattern matches the escape sequences of a terminal: control sequences, strings such as a window
// title, and short ones.
//
// https://ecma-international.org/publications-and-standards/standards/ecma-48/
var escapePattern = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\\\)?|\x1b[ -/]*[0-~]")

// colourPattern matches the only escape sequence that is harmless: it changes the style of text.
var colourPattern = regexp.MustCompile("^\x1b\\[[0-9;:]*m$")

const endColour = "\x1b[0m"

// clean makes untrusted text from a log harmless to a terminal. Of its control characters it keeps only line
// ends, tabs and, if colours is true, colours.
func clean(text string, colours bool) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	var cleaned strings.Builder
	coloured := false
	for text != "" {
		at := escapePattern.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		cleaned.WriteString(strings.Map(cleanRune, text[:at[0]]))
		if escape := text[at[0]:at[1]]; colours && colourPattern.MatchString(escape) {
			cleaned.WriteString(escape)
			coloured = true
		}
		text = text[at[1]:]
	}
	if coloured {
		return withEnd(cleaned.String(), endColour)
	}
	return cleaned.String()
}

// cleanRune removes control characters and those that change the direction of text. A lone carriage return,
// which programs use to overwrite a line, becomes a line end.
func cleanRune(character rune) rune {
	switch {
	case character == '\r':
		return '\n'
	case character == '\n' || character == '\t':
		return character
	case unicode.IsControl(character) || unicode.Is(unicode.Bidi_Control, character):
		return -1
	}
	return character
}

// withEnd inserts end before the line ends at the end of the text.
func withEnd(text, end string) string {
	body := strings.TrimRight(text, "\n")
	return body + end + text[len(body):]
}

// oneLine returns cleaned text as a single line.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text, false)), " ") }
