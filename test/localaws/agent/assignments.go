package agent

import (
	"iter"
	"strings"
)

// assignments iterates over the output of a shell's `set`: one NAME=VALUE after another. A quoted value can
// span several lines.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#set
func assignments(printed string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for printed != "" {
			end := assignmentEnd(printed)
			if !yield(printed[:end]) {
				return
			}
			printed = strings.TrimPrefix(printed[end:], "\n")
		}
	}
}

// assignmentEnd returns the end of the first assignment: the first line break outside quotes.
func assignmentEnd(text string) int {
	const none = 0
	quoted, escapes := byte(none), false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted == none && c == '\n':
			return i
		case quoted == none && (c == '\'' || c == '"'):
			quoted = c
			// $'...' and "..." have escapes, '...' has none.
			escapes = c == '"' || i > 0 && text[i-1] == '$'
		case c == '\\' && (quoted == none || escapes):
			i++
		case c == quoted:
			quoted = none
		}
	}
	return len(text)
}
