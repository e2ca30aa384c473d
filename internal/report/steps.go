package report

import (
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

// IsFrom tells FROM, which is neither a hit nor a miss.
func (s Step) IsFrom() bool { return strings.HasPrefix(s.Instruction, "FROM ") }

// Place is the step's platform and stage; "Dockerfile" where it has neither.
func (s Step) Place() string {
	if place := strings.TrimSpace(s.Platform + " " + s.Stage); place != "" {
		return place
	}
	return "Dockerfile"
}

// Label names the step for people.
func (s Step) Label() string {
	instruction, _, cut := strings.Cut(s.Instruction, "\n")
	if cut {
		instruction += " …"
	}
	if s.Platform+s.Stage == "" {
		return instruction
	}
	return "[" + s.Place() + "] " + instruction
}

// result is what became of the step, in one word.
func (s Step) result() string {
	switch {
	case s.Error != "":
		return "failed"
	case s.Cached:
		return "cached"
	default:
		return "ran"
	}
}

// Hits counts the steps that came from a cache, and those that could have: FROM is neither a hit nor a miss.
func (r *Report) Hits() (hits, counted int) {
	for _, step := range r.Steps {
		if step.IsFrom() {
			continue
		}
		counted++
		if step.Cached {
			hits++
		}
	}
	return hits, counted
}

// FirstMisses are the first steps of each stage that had to run. Where the build did not say why, the cause is "unknown".
// Where no step was cached and no cause is known there is nothing to tell, and so there are none.
func (r *Report) FirstMisses() []Miss {
	if len(r.Misses) > 0 {
		return r.knownMisses()
	}
	if hits, _ := r.Hits(); hits == 0 {
		return nil
	}
	var misses []Miss
	seen := map[string]bool{}
	for i, step := range r.Steps {
		if !step.Cached && !step.IsFrom() && !seen[step.Place()] {
			seen[step.Place()] = true
			misses = append(misses, Miss{Step: i, Cause: unknown})
		}
	}
	return misses
}

// knownMisses leaves out those of steps that the report does not have.
func (r *Report) knownMisses() []Miss {
	var known []Miss
	for _, miss := range r.Misses {
		if miss.Step >= 0 && miss.Step < len(r.Steps) {
			known = append(known, miss)
		}
	}
	return known
}

// words say why the step had to run.
func (m Miss) words() string {
	if m.Cause == unknown || m.Cause == "" {
		return "why is not known"
	}
	return escape.Line(m.Cause)
}

// byPlace are the places of the steps, stage by stage in the order in which the stages appear.
func byPlace(steps []Step) [][]int {
	var places [][]int
	at := map[string]int{}
	for i, step := range steps {
		place, known := at[step.Place()]
		if !known {
			place = len(places)
			at[step.Place()] = place
			places = append(places, nil)
		}
		places[place] = append(places[place], i)
	}
	return places
}
