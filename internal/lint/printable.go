package lint

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable writes control characters, terminal escapes, text direction marks and bytes that are no UTF-8 as Go escapes, so
// that a Dockerfile can neither steer a terminal nor forge a line of the report.
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

// excerpt is a line of the Dockerfile as the report shows it: printable, tabs as spaces, and not endless.
func excerpt(line string) string {
	const longest = 160
	line = strings.ReplaceAll(strings.TrimSpace(line), "\t", " ")
	if runes := []rune(line); len(runes) > longest {
		line = string(runes[:longest]) + "…"
	}
	return printable(line)
}
