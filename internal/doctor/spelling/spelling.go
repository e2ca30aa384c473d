// Package spelling finds the names that a misspelt name may stand for.
package spelling

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// maxNames is the largest number of names returned.
const maxNames = 3

// Near returns the names that are similar to the typed one, the closest first. At most a third of its letters
// differ.
func Near(typed string, names []string) []string { return near(typed, names, false) }

// NearOrPart returns the names of Near, and those that contain the typed one or are contained in it.
func NearOrPart(typed string, names []string) []string { return near(typed, names, true) }

func near(typed string, names []string, parts bool) []string {
	type candidate struct {
		name     string
		distance int
	}
	var candidates []candidate
	lower := strings.ToLower(typed)
	for _, name := range names {
		other := strings.ToLower(name)
		distance := levenshtein.Distance(lower, other, nil)
		isPart := len(lower) > 2 && strings.Contains(other, lower) || len(other) > 2 && strings.Contains(lower, other)
		if distance <= max(1, len(lower)/3) || parts && isPart {
			candidates = append(candidates, candidate{name, distance})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.distance - b.distance })
	var found []string
	for _, c := range candidates[:min(maxNames, len(candidates))] {
		found = append(found, c.name)
	}
	return found
}
