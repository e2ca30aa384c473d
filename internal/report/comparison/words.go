package comparison

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/layercache/layercache/internal/report"
)

// shownChanges is how many steps of a kind the text format lists.
const shownChanges = 10

func (c Comparison) write(d *document) {
	d.title(c.Words)
	warnAboutApps(d, c.Apps)
	d.heading("Seconds")
	var rows [][]string
	for _, figure := range c.Figures {
		rows = append(rows, []string{figure.Name, report.Decimal(figure.Before, 2), report.Decimal(figure.After, 2), figure.difference()})
	}
	d.table([]string{"", ">before", ">after", ">difference"}, rows)
	writeChanges(d, "No longer cached", c.Lost, ">before", ">after", "why")
	writeChanges(d, "Newly cached", c.Gained, ">before", ">after")
	writeChanges(d, "Slower", c.Slower, ">before", ">after")
	writeChanges(d, "Faster", c.Faster, ">before", ">after")
	writeChanges(d, "New steps", c.Added, ">after")
	writeChanges(d, "Removed steps", c.Removed, ">before")
	if len(c.Lost)+len(c.Gained)+len(c.Slower)+len(c.Faster)+len(c.Added)+len(c.Removed) == 0 {
		d.heading("No step changed")
	}
	d.heading("Before: " + c.Before.Path)
	d.say(c.Before.Line)
	d.heading("After: " + c.After.Path)
	d.say(c.After.Line)
}

// words returns the change in half a sentence.
func words(before, after Build) string {
	was, is := strings.ReplaceAll(before.Verdict, "-", " "), strings.ReplaceAll(after.Verdict, "-", " ")
	change := "cache still " + is
	if was != is {
		change = "cache " + is + ", was " + was
	}
	difference := after.Seconds.Total - before.Seconds.Total
	switch {
	case difference >= 0.05:
		return fmt.Sprintf("%s, %.1f s slower", change, difference)
	case difference <= -0.05:
		return fmt.Sprintf("%s, %.1f s faster", change, -difference)
	default:
		return change + ", same time"
	}
}

func warnAboutApps(d *document, apps []string) {
	if len(apps) < 2 {
		return
	}
	names := make([]string, len(apps))
	for i, app := range apps {
		names[i] = strconv.Quote(app)
	}
	d.say("The builds are of different apps, " + strings.Join(names, " and ") + ", so their figures cannot be compared.")
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
			row = append(row, map[string]string{">before": secondsOrCached(step.Before), ">after": secondsOrCached(step.After), "why": step.Cause}[column])
		}
		rows = append(rows, row)
	}
	d.table(append([]string{"stage", "step"}, columns...), rows)
	if more := len(steps) - len(shown); more > 0 {
		d.say(fmt.Sprintf("%d more; --format markdown lists all", more))
	}
}

func secondsOrCached(seconds *float64) string {
	if seconds == nil {
		return "cached"
	}
	return report.Decimal(seconds, 2)
}
