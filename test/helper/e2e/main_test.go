// Package e2e runs the helper program as a user does, with a real BuildKit and a real registry.
package e2e

import (
	"flag"
	"testing"

	"github.com/layercache/layercache/test/kit/programs"
)

// parallelTests is more than the number of cores, because the builds mostly wait for the disk and for other
// processes.
const parallelTests = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", parallelTests)
	programs.Main(m, programs.Bundled, programs.Whole, programs.Buildkitd, programs.Buildx, programs.CodeBuildBuildx)
}
