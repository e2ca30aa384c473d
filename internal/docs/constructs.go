package main

import (
	"bytes"
	"fmt"
	"path"
)

const constructsIntro = `# Props of the constructs

All structs that users of the constructs fill in, by package. ` + "`go doc github.com/layercache/layercache/constructs/PACKAGE`" + `
also shows the functions.

`

// constructPackages are the packages for users, the most used first.
var constructPackages = []string{"imagebuild", "attach", "cacherepo", "pullthrough", "insight", "lifecycle"}

func writeConstructs(page *bytes.Buffer) error {
	page.WriteString(generated + constructsIntro)
	for _, name := range constructPackages {
		structs, err := structsIn(path.Join("constructs", name))
		if err != nil {
			return err
		}
		fmt.Fprintf(page, "## %s\n\n", name)
		for _, s := range structs {
			fmt.Fprintf(page, "### %s.%s\n\n%s\n\n", name, s.name, s.markdown)
			writeFields(page, "field", s.fields, func(f fieldDoc) string { return f.name }, func(f fieldDoc) string { return f.kind })
		}
	}
	page.Truncate(page.Len() - 1)
	return nil
}
