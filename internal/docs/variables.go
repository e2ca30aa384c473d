package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/layercache/layercache/internal/variables"
)

const variablesIntro = `# Variables

` + "`LAYERCACHE_*`" + ` environment variables set layercache in a shell, in a CodeBuild project and in the console's *Start build with
overrides* form. A variable that is set to an empty text counts as not set. A wrong value ends the command with a message that
names every wrong variable.

Each variable of ` + "`layercache image` and `layercache index`" + ` is also a flag: ` + "`--report-dir` is `LAYERCACHE_REPORT_DIR`" + `. A flag wins
over its variable.

The prop of ` + "`ImageBuild`" + ` in the last column sets the variable in a CodeBuild project. ` + "`Environment`" + ` sets the others.

| variable | value | meaning | default | read by | prop |
|---|---|---|---|---|---|
`

func writeVariables(page *bytes.Buffer) error {
	page.WriteString(generated + variablesIntro)
	for _, v := range variables.All {
		var commands []string
		for _, command := range v.Commands {
			commands = append(commands, "`"+string(command)+"`")
		}
		unset := v.Unset
		if v.Default != "" {
			unset = "`" + v.Default + "`"
		}
		prop := ""
		if v.Prop != "" {
			prop = "`" + v.Prop + "`"
		}
		fmt.Fprintf(page, "| `%s` | `%s` | %s | %s | %s | %s |\n",
			v.Name, escapePipes(cmp.Or(v.Form.Name, "TEXT")), escapePipes(v.Help), unset, strings.Join(commands, ", "), prop)
	}
	return nil
}

// escapePipes keeps text in its cell of a Markdown table.
func escapePipes(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
