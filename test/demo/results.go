package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/layercache/layercache/internal/report"
)

// printResults prints the table of results, a line with the verdict of each build, and the paths of the
// reports.
func printResults(w io.Writer, builds []build) {
	heading(w, "result")
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "build\tseconds\tsteps cached\tverdict")
	for _, b := range builds {
		fmt.Fprintf(table, "%s\t%6.1f\t%s\t%s\n", b.name, b.seconds, cachedSteps(b.report), b.report.Verdict)
	}
	_ = table.Flush()
	fmt.Fprintln(w)
	for _, b := range builds {
		fmt.Fprintf(w, "%s: %s\n", b.name, b.report.Line())
	}
	for _, b := range builds {
		for _, miss := range b.report.Misses {
			fmt.Fprintf(w, "%s: %s ran because %s\n", b.name, b.report.Steps[miss.Step].Label(), miss.Cause)
		}
	}
	fmt.Fprintln(w)
	for _, b := range builds {
		fmt.Fprintf(w, "report of %s: %s\n", b.name, filepath.Join(filepath.Dir(b.reportFile), "report.html"))
	}
}

func cachedSteps(r *report.Report) string {
	cached, counted := r.Hits()
	return fmt.Sprintf("%d of %d", cached, counted)
}

// judge returns all unexpected results as one error: wrong verdicts, or an unchanged build that takes a
// quarter of the cold build's time or more.
func judge(builds []build) error {
	var problems []error
	seconds := map[string]float64{}
	for _, b := range builds {
		seconds[b.name] = b.seconds
		if b.report.Verdict != b.verdict {
			problems = append(problems, fmt.Errorf("demo: the %s build's verdict is %q, not %q", b.name, b.report.Verdict, b.verdict))
		}
		if b.exported != b.report.Verdict {
			problems = append(problems, fmt.Errorf("demo: the %s build exported LAYERCACHE_VERDICT=%q, but the verdict in its report is %q", b.name, b.exported, b.report.Verdict))
		}
	}
	if limit := seconds["cold"] / 4; seconds["unchanged"] >= limit {
		problems = append(problems, fmt.Errorf("demo: the unchanged build took %.1f s, at least a quarter of the cold build (%.1f s)", seconds["unchanged"], limit))
	}
	return errors.Join(problems...)
}
