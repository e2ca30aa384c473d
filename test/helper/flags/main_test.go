// Package flags calls each flag of `docker buildx build` both ways: with buildx on a builder of the same kind as
// the helper's, and with `layercache build`. Exit status, standard output, files and images must be the same.
package flags

import (
	"flag"
	"testing"

	"github.com/layercache/layercache/test/kit/programs"
)

// parallelRows is more than the number of cores, because the builds mostly wait for the disk and for other
// processes.
const parallelRows = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", parallelRows)
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx, programs.CodeBuildBuildx)
}
