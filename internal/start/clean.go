package start

import (
	"regexp"
	"strings"
	"unicode"
)

// escapePattern is a terminal's escape sequence: control sequences, strings such as a window's title, and short ones.
//
// https://ecma-international.org/publications-and-standards/standards/ecma-48/
var escapePattern = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\\\)?|\x1b[ -/]*[0-~]")

// colourPattern is the one escape sequence that changes nothing but the look of text.
var colourPattern = regexp.MustCompile("^\x1b\\[[0-9;:]*m$")

const endColour = "\x1b[0m"

// clean makes text from a log, which anybody may have written, harmless to a terminal: line ends, tabs and, if wanted,
// colours are all that is left of its control characters.
func clean(text string, colours bool) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	var cleaned strings.Builder
	coloured := false
	for text != "" {
		at := escapePattern.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		cleaned.WriteString(strings.Map(harmless, text[:at[0]]))
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

// harmless takes out control characters and those that turn the direction of text. A lone carriage return, with which
// programs draw over a line, begins a line.
func harmless(character rune) rune {
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

// withEnd puts the end after the text's last character that is no line end.
func withEnd(text, end string) string {
	body := strings.TrimRight(text, "\n")
	return body + end + text[len(body):]
}

// oneLine is clean for text that stands within a line of ours.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text, false)), " ") }
