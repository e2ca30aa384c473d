package try

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/layercache/layercache/internal/lint"
	"github.com/layercache/layercache/internal/report"
)

// present writes the table of the builds and the conclusion.
func present(w io.Writer, rows []row, change string) error {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "build\tseconds\tsetup\timport\tbuild\tpush\texport\tcached\tverdict")
	for _, r := range rows {
		s := r.report.Seconds
		fmt.Fprintf(table, "%s\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%s\n",
			r.name, s.Total, s.Setup, s.Import, s.Build, s.Push, s.Export, cached(r.report), r.report.Verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nchanged file: %s\n", change)
	for _, r := range rows {
		if r.name == Changed {
			writeMisses(w, r.report)
		}
		if r.name == Unchanged {
			writeEstimate(w, r.report, rows[len(rows)-1].report)
		}
	}
	_, err := fmt.Fprintln(w, conclusion(rows))
	return err
}

// writeMisses writes why steps of the changed build had to run.
func writeMisses(w io.Writer, r *report.Report) {
	for _, miss := range r.Misses {
		fmt.Fprintf(w, "had to run: %s, because %s\n", r.Steps[miss.Step].Label(), miss.Cause)
		if miss.Advice != "" {
			fmt.Fprintf(w, "advice: %s\n", miss.Advice)
		}
	}
}

// writeEstimate compares the saved time in the report with the measured one.
func writeEstimate(w io.Writer, unchanged, without *report.Report) {
	if unchanged.SavedSeconds == nil {
		return
	}
	fmt.Fprintf(w, "saved time of the unchanged build: %.1f s by its report, %.1f s measured\n",
		*unchanged.SavedSeconds, without.Seconds.Total-unchanged.Seconds.Total)
}

// presentAdvice writes the number of lint findings and the location of the reports.
func presentAdvice(w io.Writer, options Options) error {
	source, err := os.ReadFile(options.Dockerfile)
	if err != nil {
		return err
	}
	context, err := lint.ReadContext(options.Dir, options.Dockerfile)
	if err != nil {
		return err
	}
	findings, err := lint.Check(source, lint.Options{File: options.Dockerfile, Context: context})
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		fmt.Fprintf(w, "advice on the Dockerfile: %d findings; show them with: layercache lint --context %s %s\n", len(findings), options.Dir, options.Dockerfile)
	}
	_, err = fmt.Fprintf(w, "reports: %s\n", filepath.Join(options.Settings.ReportDir, "*", "report.html"))
	return err
}

func cached(r *report.Report) string {
	hits, counted := r.Hits()
	return fmt.Sprintf("%d/%d", hits, counted)
}

// noise is the share of a build's time by which one measurement of it can differ from another.
const noise = 0.05

// conclusion returns one sentence on whether the cache is worth keeping.
func conclusion(rows []row) string {
	seconds := map[string]float64{}
	for _, r := range rows {
		seconds[r.name] = r.report.Seconds.Total
	}
	without := seconds[NoCache]
	faster := func(name string) bool { return seconds[name] < without*(1-noise) }
	text := fmt.Sprintf("Measured once, with the registry on loopback, an unchanged build takes %.1f s with the cache instead of %.1f s without (%s)", seconds[Unchanged], without, difference(seconds[Unchanged], without))
	changed, hasChanged := seconds[Changed]
	if hasChanged {
		text += fmt.Sprintf(", a changed one %.1f s (%s)", changed, difference(changed, without))
	}
	text += fmt.Sprintf("; the first build takes %.1f s more", max(0, seconds[Cold]-without))
	switch {
	case faster(Unchanged) && (!hasChanged || faster(Changed)):
		return text + ": the cache is worth keeping."
	case faster(Unchanged):
		return text + ": the cache is not worth keeping for this Dockerfile, unless most builds are unchanged."
	case hasChanged && faster(Changed):
		return text + ": it is not clear whether the cache is worth keeping; measure again."
	}
	return text + ": the cache is not worth keeping for this Dockerfile."
}

func difference(with, without float64) string {
	percent := 100 * (without - with) / without
	if percent < 0 {
		return strings.TrimPrefix(fmt.Sprintf("%.0f %% more", percent), "-")
	}
	return fmt.Sprintf("%.0f %% less", percent)
}
