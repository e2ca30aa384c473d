// Package spelling finds the names that a misspelt name may stand for.
package spelling

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// maxNames is the largest number of names returned.
const maxNames = 3

// Near returns the names that are most similar to the typed one. About a third of its letters may differ.
func Near(typed string, names []string) []string {
	lower := letters(typed)
	least := (len(lower)+1)/3 + 1
	var found []string
	for _, name := range names {
		other := letters(name)
		if difference(lower, other) > least {
			continue // The distance is at least that, and takes very long to calculate for a very long text.
		}
		switch d := distance(lower, other); {
		case d < least && d < max(1, len(lower)):
			least, found = d, []string{name}
		case d == least && found != nil:
			found = append(found, name)
		}
	}
	return found[:min(maxNames, len(found))]
}

// distance is the number of letters that differ. Two neighbours that are swapped count as one.
func distance(typed, name string) int {
	least := levenshtein.Distance(typed, name, nil)
	for i := range len(typed) - 1 {
		swapped := typed[:i] + typed[i+1:i+2] + typed[i:i+1] + typed[i+2:]
		least = min(least, 1+levenshtein.Distance(swapped, name, nil))
	}
	return least
}

// difference is the difference of the lengths, which is the distance if one contains the other.
func difference(a, b string) int {
	return max(utf8.RuneCountInString(a)-utf8.RuneCountInString(b), utf8.RuneCountInString(b)-utf8.RuneCountInString(a))
}

// letters returns the name in lower case and without separators, as names are compared.
func letters(name string) string { return separators.Replace(strings.ToLower(name)) }

var separators = strings.NewReplacer("-", "", "_", "")

// NearOrPart returns the names of Near, or else those that contain the typed one or are contained in it, the most similar
// first.
func NearOrPart(typed string, names []string) []string {
	if found := Near(typed, names); len(found) > 0 {
		return found
	}
	lower := letters(typed)
	var found []string
	for _, name := range names {
		other := letters(name)
		if len(lower) > 2 && strings.Contains(other, lower) || len(other) > 2 && strings.Contains(lower, other) {
			found = append(found, name)
		}
	}
	slices.SortStableFunc(found, func(a, b string) int {
		return difference(lower, letters(a)) - difference(lower, letters(b))
	})
	return found[:min(maxNames, len(found))]
}

// Fix returns what to write instead of an unknown name: a question with the names of NearOrPart, or else the list of all
// names.
func Fix[T ~string](typed T, names []T) string {
	known := make([]string, 0, len(names))
	for _, name := range names {
		known = append(known, string(name))
	}
	if similar := NearOrPart(string(typed), known); len(similar) > 0 {
		return Question(similar)
	}
	return "use one of " + strings.Join(known, ", ")
}

// Question asks whether one of the names was meant.
func Question(names []string) string { return "did you mean " + strings.Join(names, " or ") + "?" }
