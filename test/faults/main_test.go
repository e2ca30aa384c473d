//go:build linux

package faults

import (
	"flag"
	"testing"

	"github.com/layercache/layercache/test/programs"
)

// together is how many cells run side by side: most wait.
const together = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", together)
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx)
}
