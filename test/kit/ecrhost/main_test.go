//go:build linux

package ecrhost_test

import (
	"testing"

	"github.com/layercache/layercache/test/kit/programs"
)

func TestMain(m *testing.M) { programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx) }
