package try

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/layercache/layercache/internal/lint"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/escape"
)

// present writes the table of the builds and the conclusion.
func present(w io.Writer, rows []row, changes []string) error {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	withMounts := slices.ContainsFunc(rows, func(r row) bool { return len(r.report.Mounts) > 0 })
	columns := []string{"build", "seconds", "setup", "login", "import", "build", "push", "export"}
	if withMounts {
		columns = append(columns, "mount save")
	}
	columns = append(columns, "finish", "other", "cached")
	if withMounts {
		columns = append(columns, "mounts restored", "saved")
	}
	fmt.Fprintln(table, strings.Join(append(columns, "verdict"), "\t"))
	for _, r := range rows {
		s := r.report.Seconds
		fmt.Fprintf(table, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t", r.name, s.Total, s.Setup, s.Login, s.Import, s.Build, s.Push, s.Export)
		if withMounts {
			fmt.Fprintf(table, "%.2f\t", s.MountSave)
		}
		fmt.Fprintf(table, "%.2f\t%.2f\t%s\t", s.Finish, s.Other(), cached(r.report))
		if withMounts {
			restored, saved := mounts(r.report)
			fmt.Fprintf(table, "%s\t%s\t", restored, saved)
		}
		fmt.Fprintln(table, r.report.Verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, change := range changes {
		fmt.Fprintln(w, change)
	}
	for _, r := range rows {
		if r.name == ChangedSource || r.name == ChangedDependency {
			writeMisses(w, r)
		}
		if r.name == Unchanged {
			writeEstimate(w, r.report, rows[len(rows)-1].report)
		}
	}
	_, err := fmt.Fprintln(w, conclusion(rows, "this Dockerfile"))
	return err
}

// presentBake writes a table of the targets, with a column for each build, and the conclusion.
func presentBake(options Options, rows []row, changes []string) error {
	w := options.Stdout
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	head := []string{"target"}
	for _, r := range rows {
		head = append(head, r.name)
	}
	fmt.Fprintln(table, strings.Join(head, "\t"))
	cell := func(r *report.Report) string {
		return fmt.Sprintf("%.1f s, %s %s", r.Seconds.Total, cached(r), r.Verdict)
	}
	for i, target := range rows[0].report.Targets {
		cells := []string{target.Target}
		for _, r := range rows {
			cells = append(cells, cell(r.report.Targets[i]))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	all := []string{"all"}
	for _, r := range rows {
		all = append(all, fmt.Sprintf("%.1f s, %s", r.report.Seconds.Total, r.report.Verdict))
	}
	fmt.Fprintln(table, strings.Join(all, "\t"))
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, change := range changes {
		fmt.Fprintln(w, change)
	}
	for _, r := range rows {
		if r.name == ChangedSource || r.name == ChangedDependency {
			for _, target := range r.report.Targets {
				writeMisses(w, row{r.name + ": " + target.Target, target})
			}
		}
	}
	fmt.Fprintln(w, conclusion(rows, "these targets"))
	_, err := fmt.Fprintf(w, "reports: %s\n", filepath.Join(options.Settings.ReportDir, "*", "report.html"))
	return err
}

// writeMisses writes why steps of a changed build had to run.
func writeMisses(w io.Writer, r row) {
	for _, miss := range r.report.Misses {
		fmt.Fprintf(w, "%s: had to run: %s, because %s\n", r.name, r.report.Steps[miss.Step].Label(), miss.Cause)
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
	fmt.Fprintf(w, "the unchanged build: by its report, the cache saved %s; measured, it saved %s\n",
		amount(*unchanged.SavedSeconds), amount(without.Seconds.Total-unchanged.Seconds.Total))
}

// amount returns the time that a cache saved as the object of "saved".
func amount(seconds float64) string {
	switch {
	case seconds >= 0.05:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds <= -0.05:
		return fmt.Sprintf("nothing, and the build took %.1f s longer", -seconds)
	default:
		return "no time"
	}
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
		fmt.Fprintf(w, "advice on the Dockerfile: %d findings; show them with: layercache lint --context %s %s\n",
			len(findings), escape.Shell(options.Dir), escape.Shell(options.Dockerfile))
	}
	_, err = fmt.Fprintf(w, "reports: %s\n", filepath.Join(options.Settings.ReportDir, "*", "report.html"))
	return err
}

func cached(r *report.Report) string {
	hits, counted := r.Hits()
	return fmt.Sprintf("%d/%d", hits, counted)
}

// mounts returns how many of the used cache mounts were restored, and what was saved of them: "-" if none was.
func mounts(r *report.Report) (restored, saved string) {
	if len(r.Mounts) == 0 {
		return "-", "-"
	}
	count, bytes, uploaded := 0, int64(0), int64(0)
	for _, mount := range r.Mounts {
		if mount.Restored {
			count++
			bytes += mount.Bytes
		}
		uploaded += mount.UploadedBytes
	}
	restored, saved = fmt.Sprintf("%d/%d", count, len(r.Mounts)), "-"
	if count > 0 {
		restored += ", " + report.Size(bytes)
	}
	if uploaded > 0 {
		saved = report.Size(uploaded)
	}
	return restored, saved
}

// noise is the share of a build's time by which one measurement of it can differ from another.
const noise = 0.05

// conclusion returns one sentence on whether the cache is worth keeping for what was built.
func conclusion(rows []row, built string) string {
	reports := map[string]*report.Report{}
	for _, r := range rows {
		reports[r.name] = r.report
	}
	without, unchanged := reports[NoCache].Seconds.Total, reports[Unchanged].Seconds.Total
	text := fmt.Sprintf("Measured once, with the registry on loopback, an unchanged build takes %.1f s with the cache instead of %.1f s without (%s)", unchanged, without, difference(unchanged, without))
	for _, name := range []string{ChangedSource, ChangedDependency} {
		if r := reports[name]; r != nil {
			text += fmt.Sprintf(", one with a %s %.1f s (%s)", name, r.Seconds.Total, difference(r.Seconds.Total, without))
		}
	}
	first := "no longer"
	if more := reports[Cold].Seconds.Total - without; more >= 0.05 {
		first = fmt.Sprintf("%.1f s more", more)
	}
	return fmt.Sprintf("%s; the first build takes %s: %s.", text, first, worth(reports, built))
}

// worth returns whether the cache is worth keeping. The seconds are measured. The costs are from the report of
// the build with a changed source, the usual one, or else of the unchanged one.
func worth(reports map[string]*report.Report, built string) string {
	without := reports[NoCache].Seconds.Total
	faster := func(r *report.Report) bool { return r.Seconds.Total < without*(1-noise) }
	unchanged, usual := reports[Unchanged], cmp.Or(reports[ChangedSource], reports[Unchanged])
	switch {
	case faster(unchanged) && faster(usual):
		if usual.Worth == "drop" {
			return "it saves time, but by the prices that are set it is not worth keeping: " + usual.Reason
		}
		return "the cache is worth keeping"
	case faster(unchanged):
		return "the cache is not worth keeping for " + built + ", unless most builds are unchanged"
	case faster(usual):
		return "it is not clear whether the cache is worth keeping; measure again"
	case usual.Worth == "keep":
		return "no build is faster with it, although the report expects that; it is not clear whether the cache is worth keeping; measure again"
	}
	return "the cache is not worth keeping for " + built
}

func difference(with, without float64) string {
	switch percent := math.Round(100 * (without - with) / without); {
	case percent == 0:
		return "the same"
	case percent < 0:
		return fmt.Sprintf("%.0f %% more", -percent)
	default:
		return fmt.Sprintf("%.0f %% less", percent)
	}
}
