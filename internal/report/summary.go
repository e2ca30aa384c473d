package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

const (
	// shownMisses is the number of steps that had to run which the log names.
	shownMisses = 5
	// labelWidth is the number of characters of an instruction that the log shows.
	labelWidth = 100
	// noticeableSaving is the smallest difference in seconds that counts as time saved or lost.
	noticeableSaving = 0.05
)

// Summary writes the lines at the end of the log. The last line is the verdict.
func (r *Report) Summary(w io.Writer) {
	say := func(format string, values ...any) { fmt.Fprintf(w, "layercache: "+format+"\n", values...) }
	for _, warning := range r.warningsByText() {
		say("warning: %s", escape.Line(warning))
	}
	say("%s", r.Seconds.sentence())
	if r.ThrottledSeconds > 0 {
		say("registry throttled: waited %s", duration(r.ThrottledSeconds))
	}
	if line := r.PolicyLine(); line != "" {
		say("%s", line)
	}
	if line := r.MountsLine(); line != "" {
		say("%s", line)
	}
	for _, mount := range r.Mounts {
		if mount.Decision != "" {
			say("cache mount %s: %s", escape.Line(mount.ID), escape.Line(mount.Decision))
		}
	}
	if r.Frontend != "" {
		say("the step names come from the frontend %s", escape.Shorten(escape.Line(r.Frontend), labelWidth))
	}
	r.targetMisses(w)
	misses := r.FirstMisses()
	for _, miss := range misses[:min(len(misses), shownMisses)] {
		say("%s", r.missSentence(miss))
		if miss.Advice != "" {
			say("advice: %s", escape.Line(miss.Advice))
		}
	}
	if more := len(misses) - shownMisses; more > 0 {
		say("had to run: %d more, listed in report.md", more)
	}
	if len(r.Targets) > 0 {
		r.writeTargets(say)
	}
	if r.Verdict != "off" && r.ExitCode == 0 {
		if r.SavedSeconds != nil && r.CriticalPath != nil {
			say("%s", r.savedSentence())
		}
		say("%s", r.worthSentence())
	}
	say("%s", r.lastLine())
}

// lastLine returns the verdict, what to do about it unless the verdict says so, and where that is explained.
func (r *Report) lastLine() string {
	line := r.Line()
	if r.Help == nil {
		return line
	}
	if advice := escape.Line(r.Help.Advice); !strings.Contains(line, advice) {
		line += "; what to do: " + advice
	}
	return line + "; see " + r.Help.Address
}

// Line returns the verdict as one line.
func (r *Report) Line() string {
	parts := []string{fmt.Sprintf("%s: %s", r.headline(), escape.Line(r.VerdictReason))}
	if r.SavedSeconds != nil {
		parts = append(parts, r.savedWords())
	}
	if r.Verdict != "off" {
		parts = append(parts, "cache "+exportedWords(r.Exported))
	}
	if r.ExitCode != 0 {
		failed := fmt.Sprintf("the build failed (exit status %d)", r.ExitCode)
		if r.Failure != nil {
			failed += ": " + escape.Line(r.Failure.Reason)
		}
		parts = append(parts, failed)
	}
	return strings.Join(parts, "; ")
}

// headline returns the verdict in two or three words.
func (r *Report) headline() string {
	return "cache " + strings.ReplaceAll(escape.Line(r.Verdict), "-", " ")
}

// sentence returns the total and its parts as one sentence.
func (s Seconds) sentence() string {
	var parts []string
	for _, part := range s.Parts() {
		parts = append(parts, fmt.Sprintf("%s %.2f s", part.Name, part.Seconds))
	}
	return fmt.Sprintf("the build took %.2f s: %s", s.Total, strings.Join(parts, ", "))
}

// missSentence returns which step had to run, and why.
func (r *Report) missSentence(miss Miss) string {
	return "had to run: " + escape.Shorten(escape.Line(r.Steps[miss.Step].Label()), labelWidth) + ", " + miss.because()
}

// savedWords returns the time that the cache saved or cost, as half a sentence. SavedSeconds is not nil.
func (r *Report) savedWords() string {
	switch saved := *r.SavedSeconds; {
	case saved >= noticeableSaving:
		return "saved about " + duration(saved)
	case saved <= -noticeableSaving:
		return "made the build about " + duration(-saved) + " slower"
	default:
		return "saved no time"
	}
}

// savedSentence returns how the saved time was calculated. SavedSeconds and CriticalPath are not nil.
func (r *Report) savedSentence() string {
	return fmt.Sprintf("the cache %s: the longest chain of steps takes %s without it and took %s with it; importing and exporting the cache took %s",
		r.savedWords(), duration(r.CriticalPath.Without), duration(r.CriticalPath.With), duration(r.OverheadSeconds))
}

// exportedWords returns whether the cache was written, as words that follow "cache".
func exportedWords(exported string) string {
	switch exported {
	case "yes":
		return "written"
	case "unchanged":
		return "already up to date"
	case "failed":
		return "could not be written"
	default:
		return "not written"
	}
}

// worthSentence returns whether the cache is worth keeping, and why.
func (r *Report) worthSentence() string {
	verdict := map[string]string{"keep": "worth keeping", "drop": "not worth keeping"}[r.Worth]
	if verdict == "" {
		verdict = "not known yet whether the cache is worth keeping"
	}
	if r.Reason == "" {
		return verdict
	}
	return verdict + ": " + escape.Line(r.Reason)
}

// duration formats seconds with two decimals below one, one decimal below ten, and none above.
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
