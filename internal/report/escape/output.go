package escape

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// sequences are the escape sequences of terminals, a colour's among them; one that does not end is none.
	sequences = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)")
	// colour is a sequence that sets colours and weights and nothing else.
	colour = regexp.MustCompile(`\A\x1b\[[0-9;:]*m\z`)
	// lineCommand is what GitHub Actions obeys at the beginning of a line.
	lineCommand = regexp.MustCompile(`\A(\s*):(:+)`)
)

const resetColour = "\x1b[0m"

// Output is a line that a tool printed, without its end, for a log, redacted: colours and tabs stay, and the last colour ends
// with the line. What would move a terminal's cursor, set its title, hide the beginning of the line or turn the direction of
// writing is taken out or shown as U+FFFD.
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

// Lines is Output for each line of a text. All lines but the first are indented: what an error quotes begins no line of a log.
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

// visible replaces what a terminal would obey instead of showing it. A carriage return, with which tools write over their
// own line, is a blank. The joiners, which are invisible too, are letters of some scripts.
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

// isPlainOutput says that the line can stay as it is, as nearly all do: ASCII without a command.
func isPlainOutput(line string) bool {
	for i := range len(line) {
		if c := line[i]; (c < ' ' || c > '~') && c != '\t' || c == '#' || c == ':' && i+1 < len(line) && line[i+1] == ':' {
			return false
		}
	}
	return true
}
