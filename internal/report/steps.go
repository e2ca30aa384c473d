package report

import (
	"fmt"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/report/escape"
)

// IsFrom reports whether the step is FROM, which is neither a hit nor a miss.
func (s Step) IsFrom() bool { return strings.HasPrefix(s.Instruction, "FROM ") }

// Place returns the step's platform and stage, or "Dockerfile" if it has neither.
func (s Step) Place() string {
	if place := strings.TrimSpace(s.Platform + " " + s.Stage); place != "" {
		return place
	}
	return "Dockerfile"
}

// Label returns the step's platform, stage and first line.
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

// failed reports whether the step failed. A step that was cancelled did not: another did.
func (s Step) failed() bool { return s.Error != "" && !errortext.IsCancelled(s.Error) }

// result returns "failed", "base", "cached" or "ran". "base" is FROM, which does not count.
func (s Step) result() string {
	switch {
	case s.Error != "":
		return "failed"
	case s.IsFrom():
		return "base"
	case s.Cached:
		return "cached"
	default:
		return "ran"
	}
}

// Hits returns the number of cached steps, and of all steps that can be cached, which is every step but FROM.
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

// allHits is Hits of all targets. A step that targets share counts once for each of them.
func (r *Report) allHits() (hits, counted int) {
	for _, build := range r.Builds() {
		own, all := build.Hits()
		hits, counted = hits+own, counted+all
	}
	return hits, counted
}

// FirstMisses returns the first step of each stage that had to run. A report without causes has the cause
// "unknown" for each of them, but no misses at all if no step was cached.
func (r *Report) FirstMisses() []Miss {
	if len(r.Misses) > 0 {
		return r.validMisses()
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

// validMisses leaves out misses whose step is not in the report.
func (r *Report) validMisses() []Miss {
	var valid []Miss
	for _, miss := range r.Misses {
		if miss.Step >= 0 && miss.Step < len(r.Steps) {
			valid = append(valid, miss)
		}
	}
	return valid
}

// because returns the cause as a clause that follows the step's label.
func (m Miss) because() string {
	if m.Cause == unknown || m.Cause == "" {
		return "for an unknown reason"
	}
	return "because " + escape.Line(m.Cause)
}

// cause returns the cause for a table's column "why".
func (m Miss) cause() string {
	if m.Cause == unknown || m.Cause == "" {
		return "not known"
	}
	return escape.Line(m.Cause)
}

// byPlace returns the indexes of the steps, grouped by stage and platform in the order of their first steps.
func byPlace(steps []Step) [][]int {
	var groups [][]int
	groupOf := map[string]int{}
	for i, step := range steps {
		group, known := groupOf[step.Place()]
		if !known {
			group = len(groups)
			groupOf[step.Place()] = group
			groups = append(groups, nil)
		}
		groups[group] = append(groups[group], i)
	}
	return groups
}

// FailureText returns what failed in a build that failed, as lines of text with the verdict, and the end of the
// output of the step that failed.
func (r *Report) FailureText() (summary, tail string) {
	for _, step := range r.Steps {
		if step.failed() {
			return fmt.Sprintf("failed: %s\n%s\n%s", escape.Line(step.Label()), escape.Line(step.Error), r.Line()), step.Tail
		}
	}
	return r.Line(), ""
}
