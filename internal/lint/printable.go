package lint

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable replaces control characters, terminal escapes, text direction marks and invalid UTF-8 by Go
// escapes, so that a Dockerfile can neither control a terminal nor forge a line of the report.
func printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteRune(r)
		} else {
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// excerpt returns a line of the Dockerfile for the report: printable, with spaces for tabs, and cut to 160
// characters.
func excerpt(line string) string {
	const maxLength = 160
	line = strings.ReplaceAll(strings.TrimSpace(line), "\t", " ")
	if runes := []rune(line); len(runes) > maxLength {
		line = string(runes[:maxLength]) + "…"
	}
	return printable(line)
}
