package try

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/layercache/layercache/internal/report"
)

// present writes the table and the sentence.
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
	_, err := fmt.Fprintf(w, "\nchanged file: %s\n%s\n", change, meaning(rows))
	return err
}

func cached(r *report.Report) string {
	hits, counted := r.Hits()
	return fmt.Sprintf("%d/%d", hits, counted)
}

// meaning says in one sentence what the figures are worth.
func meaning(rows []row) string {
	seconds := map[string]float64{}
	for _, r := range rows {
		seconds[r.name] = r.report.Seconds.Total
	}
	without := seconds[NoCache]
	text := fmt.Sprintf("Measured once, with the registry on loopback, an unchanged build takes %.1f s with the cache instead of %.1f s without (%s)", seconds[Unchanged], without, saving(seconds[Unchanged], without))
	worth := seconds[Unchanged]
	if changed, ok := seconds[Changed]; ok {
		text += fmt.Sprintf(", a changed one %.1f s (%s)", changed, saving(changed, without))
		worth = changed
	}
	text += fmt.Sprintf("; the first build costs %.1f s more", max(0, seconds[Cold]-without))
	if worth < without {
		return text + ": worth keeping."
	}
	text += ": for this Dockerfile the cache does not pay"
	if seconds[Unchanged] < without {
		text += ", unless most builds are unchanged"
	}
	return text + "."
}

func saving(with, without float64) string {
	percent := 100 * (without - with) / without
	if percent < 0 {
		return strings.TrimPrefix(fmt.Sprintf("%.0f %% more", percent), "-")
	}
	return fmt.Sprintf("%.0f %% less", percent)
}
