// Package scenarios checks the helper's verdicts against independent evidence. It runs each scenario twice on
// a real BuildKit with a real registry, with a change in between. It then compares the second build's verdict
// and hit ratio with the counts of BuildKit's own `buildctl build --debug-json-cache-metrics` for the same
// build with the same cache on another fresh builder, and with the fetches in the registry's access log. No
// expected verdict or ratio is written by hand.
package scenarios

import (
	"flag"
	"testing"

	"github.com/layercache/layercache/test/kit/programs"
)

// parallelScenarios is more than the number of cores, because the builds mostly wait for the disk and for
// other processes.
const parallelScenarios = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", parallelScenarios)
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx, programs.Buildctl, programs.CodeBuildBuildx)
}
