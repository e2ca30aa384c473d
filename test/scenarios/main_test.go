// Package scenarios holds the helper's verdicts against the truth: every scenario is built twice on a real BuildKit with a
// real registry, something being changed in between, and the second build's verdict and hit ratio are compared with what
// BuildKit's own `buildctl build --debug-json-cache-metrics` counts for the same build with the same cache, on a builder as
// fresh, and with what the registry's access log says was fetched. No verdict and no ratio is written down by hand.
package scenarios

import (
	"flag"
	"testing"

	"github.com/layercache/layercache/test/programs"
)

// together is how many scenarios run side by side: their builds wait for the disk and for each other's processes more than they compute.
const together = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", together)
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx, programs.Buildctl)
}
