// Package e2e runs the helper as a user does, as a program, on a real BuildKit and a real registry.
package e2e

import (
	"testing"

	"github.com/layercache/layercache/test/programs"
)

func TestMain(m *testing.M) {
	programs.Main(m, programs.Bundled, programs.Whole, programs.Buildkitd, programs.Buildx)
}
