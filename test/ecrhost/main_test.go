//go:build linux

package ecrhost_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/internal/toolchain"
)

// programs is the folder with layercache, buildkitd and buildx, as the bundle has them side by side.
var programs string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "layercache-ecrhost-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ecrhost:", err)
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
