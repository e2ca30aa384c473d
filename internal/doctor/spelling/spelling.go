// Package spelling finds the names that somebody may have meant.
package spelling

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// most is how many names are proposed.
const most = 3

// Near are the names that are close to what was typed, the closest first: at most a third of its letters differ.
func Near(typed string, names []string) []string { return near(typed, names, false) }

// NearOrPart are the names that Near finds, and those of which one is a part of the other.
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
		away := levenshtein.Distance(lower, other, nil)
		isPart := len(lower) > 2 && strings.Contains(other, lower) || len(other) > 2 && strings.Contains(lower, other)
		if away <= max(1, len(lower)/3) || parts && isPart {
			candidates = append(candidates, candidate{name, away})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.distance - b.distance })
	var found []string
	for _, c := range candidates[:min(most, len(candidates))] {
		found = append(found, c.name)
	}
	return found
}
