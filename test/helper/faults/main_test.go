//go:build linux

package faults

import (
	"flag"
	"testing"

	"github.com/layercache/layercache/test/kit/programs"
)

// parallel is the number of cells that run at the same time; most of their time is waiting.
const parallel = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", parallel)
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx)
}
