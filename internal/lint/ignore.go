package lint

import (
	"slices"
	"strings"
)

// ignores reports whether a comment above the instruction silences the rule: "# layercache:ignore RULE,RULE".
func (in *instruction) ignores(rule string) bool {
	for _, comment := range in.comments {
		list, ok := strings.CutPrefix(strings.TrimLeft(comment, "# \t"), "layercache:ignore")
		if !ok {
			continue
		}
		words := strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == ':' })
		if slices.Contains(words, rule) {
			return true
		}
	}
	return false
}
