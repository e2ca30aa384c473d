// Package e2e runs the helper as a user does, as a program, on a real BuildKit and a real registry.
package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/internal/toolchain"
)

// programs is the folder with layercache, buildkitd and buildx, as the bundle has them side by side, and with the whole
// program that people install.
var programs string

const (
	bundled = "layercache"
	whole   = "layercache-whole"
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "layercache-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
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
	for name, tags := range map[string]string{bundled: bundle.HelperTags, whole: ""} {
		err = toolchain.Compile(ctx, toolchain.Compilation{
			Dir: source, Package: "./bin/layercache", LinkFlags: "-s -w", Tags: tags, Platform: toolchain.Host(),
			Output: filepath.Join(dir, name), Label: name,
		}, os.Stderr)
		if err != nil {
			return err
		}
	}
	for _, program := range []toolchain.Program{toolchain.Buildkitd(), toolchain.Buildx()} {
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
