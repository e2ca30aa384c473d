package lint

import (
	"fmt"
	"io"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

// WriteText writes the findings as text for people.
func WriteText(w io.Writer, findings []Finding) error {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s:%d: %s: %s [%s]\n", f.File, f.Line, f.Level, f.Message, f.Rule)
		fmt.Fprintf(&b, "  %4d | %s\n", f.Line, f.Source)
		fmt.Fprintf(&b, "  change: %s\n", f.Change)
		fmt.Fprintf(&b, "  effect: %s\n", f.Effect)
		if f.Docs != "" {
			fmt.Fprintf(&b, "  docs:   %s\n", f.Docs)
		}
		b.WriteByte('\n')
	}
	b.WriteString(summary(findings) + "\n")
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, escape.Output(strings.TrimSuffix(line, "\n"))+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// summary returns a line with the number of findings by level.
func summary(findings []Finding) string {
	if len(findings) == 0 {
		return "no findings"
	}
	count := map[Level]int{}
	fixable := 0
	for _, f := range findings {
		count[f.Level]++
		if f.Fixable {
			fixable++
		}
	}
	var parts []string
	for _, level := range []Level{Error, Warning, Info} {
		if n := count[level]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, level))
		}
	}
	text := fmt.Sprintf("findings: %d (%s)", len(findings), strings.Join(parts, ", "))
	if fixable > 0 {
		text += fmt.Sprintf("; --fix makes %d of the changes", fixable)
	}
	return text
}
