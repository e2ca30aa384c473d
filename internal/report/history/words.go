package history

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// shownChanges is how many steps of a kind a terminal is shown.
const shownChanges = 10

func (c Comparison) write(d *document) {
	d.title(c.Words)
	warnOfApps(d, c.Apps)
	d.heading("Seconds")
	var rows [][]string
	for _, figure := range c.Figures {
		rows = append(rows, []string{figure.Name, show(figure.Before, 2), show(figure.After, 2), figure.difference()})
	}
	d.table([]string{"", ">before", ">after", ">difference"}, rows)
	writeChanges(d, "Lost their cache", c.Lost, ">before", ">after", "why")
	writeChanges(d, "Came from the cache, and ran before", c.Gained, ">before", ">after")
	writeChanges(d, "Slower", c.Slower, ">before", ">after")
	writeChanges(d, "Faster", c.Faster, ">before", ">after")
	writeChanges(d, "New steps", c.Added, ">after")
	writeChanges(d, "Steps that are gone", c.Removed, ">before")
	if len(c.Lost)+len(c.Gained)+len(c.Slower)+len(c.Faster)+len(c.Added)+len(c.Removed) == 0 {
		d.heading("No step differs")
	}
	d.heading("Before: " + c.Before.Path)
	d.say(c.Before.Line)
	d.heading("After: " + c.After.Path)
	d.say(c.After.Line)
}

// words are the change in half a sentence.
func words(before, after Build) string {
	was, is := strings.ReplaceAll(before.Verdict, "-", " "), strings.ReplaceAll(after.Verdict, "-", " ")
	change := "cache still " + is
	if was != is {
		change = "cache was " + was + ", is " + is
	}
	difference := after.Seconds.Total - before.Seconds.Total
	switch {
	case difference >= 0.05:
		return fmt.Sprintf("%s, %.1f s slower", change, difference)
	case difference <= -0.05:
		return fmt.Sprintf("%s, %.1f s faster", change, -difference)
	default:
		return change + ", as fast as before"
	}
}

func warnOfApps(d *document, apps []string) {
	if len(apps) < 2 {
		return
	}
	names := make([]string, len(apps))
	for i, app := range apps {
		names[i] = strconv.Quote(app)
	}
	d.say("These are builds of different apps: " + strings.Join(names, ", ") + ".")
}

func (f Figure) difference() string {
	if f.Before == nil || f.After == nil {
		return unknown
	}
	difference := *f.After - *f.Before
	if math.Abs(difference) < 0.005 {
		return "0"
	}
	return fmt.Sprintf("%+.2f", difference)
}

const unknown = "unknown"

func show(value *float64, digits int) string {
	if value == nil {
		return unknown
	}
	return strconv.FormatFloat(*value, 'f', digits, 64)
}

func showSeconds(value *float64) string {
	if value == nil {
		return unknown
	}
	return show(value, 1) + " s"
}

func writeChanges(d *document, title string, steps []StepChange, columns ...string) {
	if len(steps) == 0 {
		return
	}
	d.heading(fmt.Sprintf("%s: %d", title, len(steps)))
	shown := steps
	if !d.markdown {
		shown = steps[:min(len(steps), shownChanges)]
	}
	var rows [][]string
	for _, step := range shown {
		row := []string{step.Place, step.Instruction}
		for _, column := range columns {
			row = append(row, map[string]string{">before": ranWords(step.Before), ">after": ranWords(step.After), "why": step.Cause}[column])
		}
		rows = append(rows, row)
	}
	d.table(append([]string{"stage", "step"}, columns...), rows)
	if more := len(steps) - len(shown); more > 0 {
		d.say(fmt.Sprintf("and %d more", more))
	}
}

func ranWords(seconds *float64) string {
	if seconds == nil {
		return "cached"
	}
	return show(seconds, 2)
}

func (t Trend) write(d *document) {
	d.title(fmt.Sprintf("%d builds: worth: %s; medians: %s, hit ratio %s, saved: %s", len(t.Builds), t.Worth, showSeconds(t.Medians.Seconds), show(t.Medians.HitRatio, 2), showSeconds(t.Medians.Saved)))
	warnOfApps(d, t.Apps)
	d.heading("Builds")
	columns := []string{"started", "verdict", ">hit ratio", ">total s", ">saved s", ">overhead s", "report"}
	if len(t.Apps) > 1 {
		columns = slices.Insert(columns, 1, "app")
	}
	row := func(started, app, verdict string, ratio, seconds, saved, overhead *float64, path string) []string {
		cells := []string{started, verdict, show(ratio, 2), show(seconds, 1), show(saved, 1), show(overhead, 1), path}
		if len(t.Apps) > 1 {
			cells = slices.Insert(cells, 1, app)
		}
		return cells
	}
	var rows [][]string
	for _, b := range t.Builds {
		rows = append(rows, row(b.started(), b.App, b.result(), b.HitRatio, &b.Seconds, b.Saved, &b.Overhead, b.Path))
	}
	rows = append(rows, row("median", "", "", t.Medians.HitRatio, t.Medians.Seconds, t.Medians.Saved, t.Medians.Overhead, ""))
	d.table(columns, rows)
	t.writeSparklines(d)
	t.writeLost(d)
	d.heading("Worth: " + t.Worth)
	for _, line := range t.Arithmetic {
		d.say(line)
	}
}

func (t Trend) writeSparklines(d *document) {
	d.heading("In the order of their starts")
	var totals, ratios, saved []*float64
	for _, b := range t.Builds {
		totals, ratios, saved = append(totals, &b.Seconds), append(ratios, b.HitRatio), append(saved, b.Saved)
	}
	d.table([]string{"", "", ">least", ">most"}, [][]string{
		sparklineRow("total s", totals), sparklineRow("saved s", saved), sparklineRow("hit ratio", ratios),
	})
}

func (t Trend) writeLost(d *document) {
	if len(t.Lost) == 0 {
		return
	}
	d.heading(fmt.Sprintf("First steps that had to run, in the %d builds that had a cache to read", t.Reading))
	var rows [][]string
	for _, step := range t.Lost[:min(len(t.Lost), shownChanges)] {
		rows = append(rows, []string{step.Place, step.Instruction, strconv.Itoa(step.Times), step.Cause})
	}
	d.table([]string{"stage", "step", ">builds", "why, the last time"}, rows)
}

func (b BuildFigures) started() string {
	if b.StartedAt.IsZero() {
		return unknown
	}
	return b.StartedAt.UTC().Format("2006-01-02 15:04:05")
}

func (b BuildFigures) result() string {
	if b.ExitCode != 0 {
		return b.Verdict + ", failed"
	}
	return b.Verdict
}
