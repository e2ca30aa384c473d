package comparison

import (
	"strings"
	"unicode/utf8"

	"github.com/layercache/layercache/internal/report/escape"
)

// cellWidth is the number of characters of a cell that the text format shows.
const cellWidth = 64

// document writes text or Markdown. It escapes all text, because any of it may come from outside.
type document struct {
	strings.Builder
	markdown bool
}

func (d *document) title(text string) {
	if d.markdown {
		d.WriteString("**" + escape.Markdown(text) + "**\n")
		return
	}
	d.WriteString(escape.Line(text) + "\n")
}

func (d *document) heading(text string) {
	if d.markdown {
		d.WriteString("\n### " + escape.Markdown(text) + "\n\n")
		return
	}
	d.WriteString("\n" + escape.Line(text) + "\n")
}

func (d *document) say(text string) {
	if d.markdown {
		if !strings.HasSuffix(d.String(), "\n\n") {
			d.WriteString("\n")
		}
		d.WriteString(escape.Markdown(text) + "\n")
		return
	}
	d.WriteString(escape.Line(text) + "\n")
}

// table writes a table. Columns whose name begins with ">" are aligned to the right.
func (d *document) table(columns []string, rows [][]string) {
	right := make([]bool, len(columns))
	head := make([]string, len(columns))
	for i, column := range columns {
		head[i], right[i] = strings.CutPrefix(column, ">")
	}
	if d.markdown {
		d.markdownTable(head, right, rows)
		return
	}
	lines := [][]string{head}
	widths := make([]int, len(columns))
	for _, row := range rows {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = escape.Shorten(escape.Line(cell), cellWidth)
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				text.WriteString("  " + gap + cell)
			} else {
				text.WriteString("  " + cell + gap)
			}
		}
		d.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
}

func (d *document) markdownTable(head []string, right []bool, rows [][]string) {
	rule := "|"
	for _, figure := range right {
		if figure {
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	d.WriteString("| " + strings.Join(head, " | ") + " |\n" + rule + "\n")
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = escape.Markdown(cell)
		}
		d.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
}
