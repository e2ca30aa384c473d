package main

import (
	"bytes"
	"cmp"
	"fmt"
)

const reportIntro = `# report.json

A build writes ` + "`report.json`" + ` to ` + "`LAYERCACHE_REPORT_DIR`" + `. It follows the [JSON schema](../../internal/report/schema.json); new versions
may add fields but never rename them. Times are in seconds, sizes in bytes, money in US dollars. ` + "`null`" + ` means that a value is not known.

`

func writeReport(page *bytes.Buffer) error {
	structs, err := structsIn("internal/report")
	if err != nil {
		return err
	}
	page.WriteString(generated + reportIntro)
	for _, s := range reachable(structs, "Report") {
		fmt.Fprintf(page, "## %s\n\n%s\n\n| field | type | meaning |\n|---|---|---|\n", s.name, s.doc)
		for _, f := range s.fields {
			if f.key == "-" {
				continue // It is not in the JSON.
			}
			fmt.Fprintf(page, "| `%s` | `%s` | %s |\n", cmp.Or(f.key, f.name), jsonType(f.typ), escapePipes(f.doc))
		}
		page.WriteString("\n")
	}
	page.Truncate(page.Len() - 1)
	return nil
}
