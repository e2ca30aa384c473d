// Package docker runs `layercache docker` as a buildspec does, with a real BuildKit and a real registry.
package docker

import (
	"os"
	"testing"

	"github.com/layercache/layercache/test/kit/programs"
)

func TestMain(m *testing.M) {
	if os.Getenv("CDK_OUTDIR") != "" {
		synthesize()
		return
	}
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx, programs.Compose,
		programs.Docker, programs.Dockerd, programs.Containerd, programs.ContainerdShim)
}
