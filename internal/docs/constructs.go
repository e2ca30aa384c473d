package main

import (
	"bytes"
	"fmt"
	"path"
)

const constructsIntro = `# Props of the constructs

The structs of the constructs, by package: what you fill in, and two that you get, ` + "`imagebuild.DeployedImage` and `imagebuild.BoundSource`" + `.
` + "`go doc -all github.com/layercache/layercache/constructs/PACKAGE`" + ` also shows the functions, such as those that make a source or a secret, and
the values of types such as ` + "`CacheMode`" + `.

`

// constructPackages are the packages for users, the most used first.
var constructPackages = []string{"imagebuild", "attach", "cacherepo", "access", "pullthrough", "insight", "lifecycle"}

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
