package main

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

const reportIntro = `# report.json

A build writes ` + "`report.json`" + ` to ` + "`LAYERCACHE_REPORT_DIR`" + `. It follows the [JSON schema](../../internal/report/schema.json); new versions
may add fields but never rename them. Times are in seconds, sizes in bytes, money in US dollars. The address of a cache is that of its tag,
HOST/NAME:TAG, or its folder or bucket. [Concepts](../concepts.md) explains the words.

`

// reportText turns the documentation of Go into that of JSON.
type reportText struct{ configDoc }

func newReportText(structs []structDoc) reportText {
	t := reportText{configDoc{keys: map[string]string{}}}
	for _, s := range structs {
		for _, f := range s.fields {
			t.keys[f.name] = f.key
		}
	}
	return t
}

// noValue matches the words about a field without a value.
var noValue = regexp.MustCompile(`It is (?:nil|empty)\b`)

// of returns the documentation of a field. A field without a value is null, or left out.
func (t reportText) of(f fieldDoc) string {
	instead := "`null`"
	if _, options, _ := strings.Cut(f.tag.Get("json"), ","); options != "" {
		instead = "Left out"
	}
	return noValue.ReplaceAllString(t.text(f.name, f.doc), instead)
}

func writeReport(page *bytes.Buffer) error {
	structs, err := structsIn("internal/report")
	if err != nil {
		return err
	}
	structs = reachable(structs, "Report")
	text := newReportText(structs)
	page.WriteString(generated + reportIntro)
	for _, s := range structs {
		fmt.Fprintf(page, "## %s\n\n%s\n\n| field | type | meaning |\n|---|---|---|\n", s.name, text.text(s.name, s.doc))
		for _, f := range s.fields {
			if f.key == "-" {
				continue // It is not in the JSON.
			}
			fmt.Fprintf(page, "| `%s` | `%s` | %s |\n", cmp.Or(f.key, f.name), jsonType(f.typ), escapePipes(text.of(f)))
		}
		page.WriteString("\n")
	}
	page.Truncate(page.Len() - 1)
	return nil
}
