package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

const (
	// shownMisses is how many steps that had to run the log names.
	shownMisses = 5
	// labelWidth is how much of an instruction the log shows.
	labelWidth = 100
)

// Summary writes the lines at the end of the log. The last is the verdict.
func (r *Report) Summary(w io.Writer) {
	say := func(format string, values ...any) { fmt.Fprintf(w, "layercache: "+format+"\n", values...) }
	for _, warning := range r.Warnings {
		say("warning: %s", escape.Line(warning))
	}
	s := r.Seconds
	say("setup %.2f s, login %.2f s, import %.2f s, build %.2f s, push %.2f s, export %.2f s; total %.2f s",
		s.Setup, s.Login, s.Import, s.Build, s.Push, s.Export, s.Total)
	if r.Frontend != "" {
		say("the frontend %s read the Dockerfile and named the steps", escape.Shorten(escape.Line(r.Frontend), labelWidth))
	}
	misses := r.FirstMisses()
	for _, miss := range misses[:min(len(misses), shownMisses)] {
		say("had to run: %s: %s", escape.Shorten(escape.Line(r.Steps[miss.Step].Label()), labelWidth), miss.words())
		if miss.Advice != "" {
			say("advice: %s", escape.Line(miss.Advice))
		}
	}
	if more := len(misses) - shownMisses; more > 0 {
		say("and %d more in report.md", more)
	}
	if r.Verdict != "off" {
		say("%s", r.worthWords())
	}
	say("%s", r.Line())
}

// Line is the verdict as one line.
func (r *Report) Line() string {
	parts := []string{fmt.Sprintf("%s: %s", r.headline(), escape.Line(r.VerdictReason))}
	if r.SavedSeconds != nil {
		parts = append(parts, r.savedWords())
	}
	if written := r.writtenWords(); written != "" && r.Verdict != "off" {
		parts = append(parts, written)
	}
	if r.ExitCode != 0 {
		parts = append(parts, fmt.Sprintf("the build failed (exit status %d)", r.ExitCode))
	}
	return strings.Join(parts, "; ")
}

// headline is the verdict in two or three words.
func (r *Report) headline() string {
	return "cache " + strings.ReplaceAll(escape.Line(r.Verdict), "-", " ")
}

func (r *Report) savedWords() string {
	if r.SavedSeconds == nil {
		return "saved: unknown"
	}
	if *r.SavedSeconds <= -0.05 {
		return "the cache took about " + duration(-*r.SavedSeconds) + " more than it saved"
	}
	return "saved about " + duration(max(0, *r.SavedSeconds))
}

func (r *Report) writtenWords() string {
	switch r.Exported {
	case "yes":
		return "cache written"
	case "unchanged":
		return "cache is up to date"
	case "failed":
		return "cache could not be written"
	default:
		return "cache not written"
	}
}

// worthWords are the arithmetic of what was saved, and whether the cache is worth its keep.
func (r *Report) worthWords() string {
	words := r.savedWords()
	if path := r.CriticalPath; path != nil && r.SavedSeconds != nil {
		words += fmt.Sprintf(" (the longest chain of steps takes %s without the cache and took %s with it; the cache itself took %s)",
			duration(path.Without), duration(path.With), duration(r.OverheadSeconds))
	}
	if r.Cost.NetUSDPer100Builds != nil {
		words += ", " + usd(*r.Cost.NetUSDPer100Builds) + " in 100 builds"
	}
	words += "; worth: " + r.worth()
	if r.Reason != "" {
		words += " (" + escape.Line(r.Reason) + ")"
	}
	return words
}

// duration is exact enough for people: two digits below a second, none from ten on.
func duration(seconds float64) string {
	switch magnitude := math.Abs(seconds); {
	case magnitude >= 10:
		return fmt.Sprintf("%.0f s", seconds)
	case magnitude >= 1:
		return fmt.Sprintf("%.1f s", seconds)
	default:
		return fmt.Sprintf("%.2f s", seconds)
	}
}

func usd(amount float64) string {
	if math.Abs(amount) >= 0.1 {
		return fmt.Sprintf("USD %.2f", amount)
	}
	return fmt.Sprintf("USD %.4f", amount)
}
