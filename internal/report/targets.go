package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

// targetWidth is the number of characters of a target's name that the log shows.
const targetWidth = 40

// Builds returns the reports with steps: those of the targets, or the report itself.
func (r *Report) Builds() []*Report {
	if len(r.Targets) > 0 {
		return r.Targets
	}
	return []*Report{r}
}

// Everything returns the report and those of its targets.
func (r *Report) Everything() []*Report { return append([]*Report{r}, r.Targets...) }

// outcome returns the verdict of a target, and whether it was built.
func (r *Report) outcome() string {
	verdict := strings.ReplaceAll(r.Verdict, "-", " ")
	switch {
	case r.ExitCode == 0:
		return verdict
	case slices.ContainsFunc(r.Steps, Step.failed):
		return verdict + ", build failed"
	}
	return verdict + ", build not finished"
}

// hitsWords returns how many of the steps were cached.
func (r *Report) hitsWords() string {
	hits, counted := r.Hits()
	return fmt.Sprintf("%d of %d", hits, counted)
}

// writeTargets writes the table of the targets.
func (r *Report) writeTargets(say func(format string, values ...any)) {
	name, steps := len("target"), len("steps cached")
	shown := make([]string, len(r.Targets))
	for i, target := range r.Targets {
		shown[i] = escape.Shorten(escape.Line(target.Target), targetWidth)
		name, steps = max(name, len([]rune(shown[i]))), max(steps, len(target.hitsWords()))
	}
	say("%-*s  %*s  %8s  %s", name, "target", steps, "steps cached", "seconds", "verdict")
	for i, target := range r.Targets {
		say("%-*s  %*s  %8.2f  %s", name, shown[i], steps, target.hitsWords(), target.Seconds.Total, escape.Line(target.outcome()))
	}
}

// warningsByText returns each warning of the report and of its targets once. A warning of targets names them.
func (r *Report) warningsByText() []string {
	all := slices.Clone(r.Warnings)
	targets := map[string][]string{}
	var order []string
	for _, target := range r.Targets {
		for _, warning := range target.Warnings {
			if targets[warning] == nil {
				order = append(order, warning)
			}
			if !slices.Contains(targets[warning], target.Target) {
				targets[warning] = append(targets[warning], target.Target)
			}
		}
	}
	for _, warning := range order {
		all = append(all, listed(targets[warning])+": "+warning)
	}
	return all
}

// shownTargets is how many targets a line names.
const shownTargets = 6

// listed returns the names, at most shownTargets of them.
func listed(names []string) string {
	if more := len(names) - shownTargets; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shownTargets], ", "), more)
	}
	return strings.Join(names, ", ")
}

// markdownTargets writes the table of the targets, and a section for each that did not take every step from its cache.
func (r *Report) markdownTargets(m *markdownWriter) {
	if len(r.Targets) == 0 {
		return
	}
	m.heading("Targets")
	m.table("target", ">steps cached", ">seconds", "verdict", "why")
	for _, target := range r.Targets {
		m.row(escape.Code(target.Target), target.hitsWords(), fmt.Sprintf("%.2f", target.Seconds.Total), escape.Markdown(target.outcome()), escape.Markdown(target.VerdictReason))
	}
	for _, target := range r.Targets {
		if target.Verdict == "used" && target.ExitCode == 0 {
			continue
		}
		m.line("\n## %s\n", escape.Code(target.Target))
		m.line("%s", target.Markdown())
	}
	m.line("\nreport.html and report.json have the steps of every target.")
}

// targetMisses writes the first step of each target that had to run.
func (r *Report) targetMisses(w io.Writer) {
	shown, more := 0, 0
	for _, target := range r.Targets {
		misses := target.FirstMisses()
		if len(misses) == 0 {
			continue
		}
		if shown == shownMisses {
			more++
			continue
		}
		shown++
		fmt.Fprintf(w, "layercache: %s: %s\n", escape.Shorten(escape.Line(target.Target), targetWidth), target.missSentence(misses[0]))
		if misses[0].Advice != "" {
			fmt.Fprintf(w, "layercache: %s: advice: %s\n", escape.Shorten(escape.Line(target.Target), targetWidth), escape.Line(misses[0].Advice))
		}
	}
	if more > 0 {
		fmt.Fprintf(w, "layercache: had to run: steps of %d more targets, listed in report.md\n", more)
	}
}

// failedSteps returns the steps that failed. A step that targets share is among them once.
func (r *Report) failedSteps() []Step {
	var failed []Step
	for _, build := range r.Builds() {
		others := len(failed)
		for _, step := range build.Steps {
			same := func(other Step) bool { return other.Label() == step.Label() && other.Error == step.Error }
			if step.Error != "" && !slices.ContainsFunc(failed[:others], same) {
				failed = append(failed, step)
			}
		}
	}
	return failed
}
