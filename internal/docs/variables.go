package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/layercache/layercache/internal/variables"
)

const variablesIntro = `# Variables

` + "`LAYERCACHE_*`" + ` environment variables configure layercache in a shell, in a CodeBuild project and in the console's *Start build with
overrides* form. An empty variable counts as not set. If values are invalid, the command fails with a list of all of them.

Each variable of ` + "`layercache image` and `layercache index`" + ` is also a flag: ` + "`--report-dir` is `LAYERCACHE_REPORT_DIR`" + `. A flag overrides
its variable.

The prop of ` + "`ImageBuild`" + ` in the last column sets the variable in a CodeBuild project. The prop ` + "`Environment`" + ` sets the others.

In the column "read by", ` + "`build` also stands for `bake`, `docker`, `setup` and `doctor`, and `buildspec`" + ` for the buildspec of a project.
` + "`layercache lint --fix`" + ` reads base images through the ` + "`LAYERCACHE_MIRRORS`" + ` too.

| variable | value | meaning | default | read by | prop |
|---|---|---|---|---|---|
`

func writeVariables(page *bytes.Buffer) error {
	page.WriteString(generated + variablesIntro)
	for _, v := range variables.All() {
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

// escapePipes escapes text for a cell of a Markdown table.
func escapePipes(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
