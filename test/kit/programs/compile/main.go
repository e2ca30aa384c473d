// Command compile compiles the pinned tools once, so concurrent test packages do not each compile them.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/layercache/layercache/test/kit/programs"
)

func main() {
	if err := programs.CompileTools(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
