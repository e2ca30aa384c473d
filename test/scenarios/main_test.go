// Package scenarios holds the helper's verdicts against the truth: every scenario is built twice on a real BuildKit with a
// real registry, something being changed in between, and the second build's verdict and hit ratio are compared with what
// BuildKit's own `buildctl build --debug-json-cache-metrics` counts for the same build with the same cache, on a builder as
// fresh, and with what the registry's access log says was fetched. No verdict and no ratio is written down by hand.
package scenarios

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/internal/toolchain"
)

// programs is the folder with layercache, buildkitd, buildx and buildctl.
var programs string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "layercache-scenarios-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scenarios:", err)
		return 1
	}
	programs = dir
	return m.Run()
}

// install compiles the helper and puts the pinned tools beside it.
func install(ctx context.Context, dir string) error {
	source, err := bundle.SourceDir(ctx)
	if err != nil {
		return err
	}
	err = toolchain.Compile(ctx, toolchain.Compilation{
		Dir: source, Package: "./bin/layercache", LinkFlags: "-s -w", Tags: bundle.HelperTags, Platform: toolchain.Host(),
		Output: filepath.Join(dir, "layercache"), Label: "layercache",
	}, os.Stderr)
	if err != nil {
		return err
	}
	for _, program := range []toolchain.Program{toolchain.Buildkitd(), toolchain.Buildx(), buildctl()} {
		path, err := toolchain.Build(ctx, program, toolchain.Host(), os.Stderr)
		if err != nil {
			return err
		}
		if err := os.Symlink(path, filepath.Join(dir, program.Name)); err != nil {
			return err
		}
	}
	return nil
}

// buildctl is BuildKit's own client, out of the module that buildkitd comes from.
func buildctl() toolchain.Program {
	program := toolchain.Buildkitd()
	program.Name, program.Package = "buildctl", "./cmd/buildctl"
	return program
}
