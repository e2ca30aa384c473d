// Command compile readies the pinned tools, so that test packages that run side by side do not compile them each.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/layercache/layercache/test/programs"
)

func main() {
	if err := programs.CompileTools(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
