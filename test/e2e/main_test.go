// Package e2e runs the helper as a user does, as a program, on a real BuildKit and a real registry.
package e2e

import (
	"flag"
	"testing"

	"github.com/layercache/layercache/test/programs"
)

// together is how many tests run side by side: their builds wait for the disk and for each other's processes more than they compute.
const together = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", together)
	programs.Main(m, programs.Bundled, programs.Whole, programs.Buildkitd, programs.Buildx)
}
