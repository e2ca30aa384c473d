package main

import (
	"bytes"
	"cmp"
	"fmt"
)

const reportIntro = `# report.json

A build writes ` + "`report.json`" + ` to ` + "`LAYERCACHE_REPORT_DIR`" + `. The [JSON schema](../../internal/report/schema.json) is the contract: fields are
added, never renamed. Times are in seconds, sizes in bytes, money in US dollars. A field that is ` + "`null`" + ` is not known.

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
			fmt.Fprintf(page, "| `%s` | `%s` | %s |\n", cmp.Or(f.key, f.name), jsonType(f.typ), escapePipes(f.doc))
		}
		page.WriteString("\n")
	}
	page.Truncate(page.Len() - 1)
	return nil
}
