package escape

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// sequences matches complete escape sequences of terminals, including colours.
	sequences = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)")
	// colour matches a sequence that sets colours and weights only.
	colour = regexp.MustCompile(`\A\x1b\[[0-9;:]*m\z`)
	// lineCommand matches the beginning of a line that GitHub Actions takes as a command.
	lineCommand = regexp.MustCompile(`\A([\s\p{Z}]*):(:+)`)
)

const resetColour = "\x1b[0m"

// Output returns a line of a tool's output for the log, redacted. The line comes without its line break.
// Colours and tabs stay, and colours are reset at the end. Everything that would move a terminal's cursor,
// set its title, overwrite the line or change the direction of writing is removed or becomes U+FFFD.
func Output(line string) string {
	line = Redact(line)
	if isPlainOutput(line) {
		return line
	}
	var b strings.Builder
	coloured := false
	for len(line) > 0 {
		at := sequences.FindStringIndex(line)
		if at == nil {
			at = []int{len(line), len(line)}
		}
		b.WriteString(strings.Map(visible, line[:at[0]]))
		if sequence := line[at[0]:at[1]]; colour.MatchString(sequence) {
			b.WriteString(sequence)
			coloured = sequence != resetColour && sequence != "\x1b[m"
		}
		line = line[at[1]:]
	}
	if coloured {
		b.WriteString(resetColour)
	}
	return commands.Replace(lineCommand.ReplaceAllString(b.String(), "$1: $2"))
}

// Lines applies Output to each line of a text and indents all lines but the first, so that text quoted in an
// error cannot pass for a line of the log.
func Lines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Output(line)
		if i > 0 && line != "" {
			lines[i] = "  " + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}

// visible replaces characters that a terminal obeys instead of showing. A carriage return becomes a space,
// because tools use it to overwrite their own line. The invisible joiners stay, because some scripts need
// them.
func visible(r rune) rune {
	switch {
	case r == '\t' || r == '\u200c' || r == '\u200d':
		return r
	case r == '\r' || r == '\n' || unicode.In(r, unicode.Zl, unicode.Zp):
		return ' '
	case unicode.In(r, unicode.Cc, unicode.Cf):
		return unicode.ReplacementChar
	}
	return r
}

// isPlainOutput reports whether Output returns the line as it is: ASCII that cannot contain a command.
func isPlainOutput(line string) bool {
	for i := range len(line) {
		if c := line[i]; (c < ' ' || c > '~') && c != '\t' || c == '#' || c == ':' && i+1 < len(line) && line[i+1] == ':' {
			return false
		}
	}
	return true
}
