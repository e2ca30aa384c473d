package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func isDigest(text string) bool { return digestPattern.MatchString(text) }

// Summary writes the lines at the end of the log. The last is the verdict.
func (r *Report) Summary(w io.Writer) {
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "layercache: warning: %s\n", warning)
	}
	s := r.Seconds
	fmt.Fprintf(w, "layercache: setup %.2f s, login %.2f s, import %.2f s, build %.2f s, push %.2f s, export %.2f s; total %.2f s\n",
		s.Setup, s.Login, s.Import, s.Build, s.Push, s.Export, s.Total)
	if step := r.FirstMiss(); step != nil && r.HitRatio != nil && *r.HitRatio > 0 {
		fmt.Fprintf(w, "layercache: first step that ran: %s\n", step.Label())
	}
	fmt.Fprintf(w, "layercache: %s\n", r.Line())
}

// Line is the verdict as one line.
func (r *Report) Line() string {
	hits, counted := r.Hits()
	line := fmt.Sprintf("cache %s: %s", strings.ReplaceAll(r.Verdict, "-", " "), r.VerdictReason)
	if r.HitRatio == nil {
		return line
	}
	return line + fmt.Sprintf("; %d of %d steps cached (hit ratio %.2f); cache written: %s", hits, counted, *r.HitRatio, r.Exported)
}

// Hits counts the steps that came from a cache, and those that could have: FROM is neither a hit nor a miss.
func (r *Report) Hits() (hits, counted int) {
	for _, step := range r.Steps {
		if strings.HasPrefix(step.Instruction, "FROM ") {
			continue
		}
		counted++
		if step.Cached {
			hits++
		}
	}
	return hits, counted
}

// FirstMiss is the first step that did not come from a cache, or nil.
func (r *Report) FirstMiss() *Step {
	for i, step := range r.Steps {
		if !step.Cached && !strings.HasPrefix(step.Instruction, "FROM ") {
			return &r.Steps[i]
		}
	}
	return nil
}

// Label names the step for people.
func (s Step) Label() string {
	instruction, _, cut := strings.Cut(s.Instruction, "\n")
	if cut {
		instruction += " …"
	}
	place := strings.TrimSpace(s.Platform + " " + s.Stage)
	if place == "" {
		return instruction
	}
	return "[" + place + "] " + instruction
}
