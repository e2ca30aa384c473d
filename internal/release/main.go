// Command release makes the files that people without Go download, from the tag of this checkout: the helper
// for Linux and macOS, the zips that builds download, a list of the modules in each program (SBOM), and
// checksums. `make release` runs it.
//
// The same tag gives the same bytes on every machine: the Go of go.mod compiles, and neither times nor paths
// get into a file. So a release that is in the folder already must have the same checksums.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/internal/bundle/version"
)

func main() {
	folder := flag.String("folder", filepath.Join("dist", "release"), "folder to make the release in, in a subfolder of its own")
	helpers := flag.String("helpers", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "platforms of the helper")
	zips := flag.String("zips", "amd64,arm64", "architectures of the zips for CodeBuild")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *folder, strings.Split(*helpers, ","), strings.Split(*zips, ","), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run makes the release in FOLDER/VERSION.
func run(ctx context.Context, folder string, helpers, zips []string, progress io.Writer) error {
	stamp, err := tagged(ctx)
	if err != nil {
		return err
	}
	goVersion, err := useOwnGo()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(folder, ".release-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	m := maker{stamp: stamp, goVersion: goVersion, dir: filepath.Join(scratch, stamp.Version), unpacked: filepath.Join(scratch, "unpacked"), progress: progress}
	if err := errors.Join(os.Mkdir(m.dir, 0o755), os.Mkdir(m.unpacked, 0o755)); err != nil {
		return err
	}
	for _, platform := range helpers {
		if err := m.helper(ctx, platform); err != nil {
			return err
		}
	}
	for _, arch := range zips {
		if err := m.zip(ctx, arch); err != nil {
			return err
		}
	}
	if err := writeSums(m.dir); err != nil {
		return err
	}
	return keep(m.dir, filepath.Join(folder, stamp.Version), progress)
}

// maker writes the files of a release.
type maker struct {
	stamp version.Stamp
	// goVersion is the version of Go that must have compiled every program, such as "go1.26.8".
	goVersion string
	// dir is the folder of the files, unpacked that of programs that are in the zips.
	dir, unpacked string
	progress      io.Writer
}

// helper compiles the helper for people, with all commands.
func (m maker) helper(ctx context.Context, platform string) error {
	system, arch, found := strings.Cut(platform, "/")
	if !found {
		return fmt.Errorf("platform %q: expected OS/ARCHITECTURE, such as linux/amd64", platform)
	}
	source, err := bundle.SourceDir(ctx)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("layercache-%s-%s-%s", m.stamp.Version, system, arch)
	err = toolchain.Compile(ctx, toolchain.Compilation{
		Dir: source, Package: "./bin/layercache", LinkFlags: "-s -w" + m.stamp.LinkFlags(), Output: filepath.Join(m.dir, name),
		Platform: toolchain.Platform{OS: system, Arch: arch}, Label: name,
	}, m.progress)
	if err != nil {
		return err
	}
	return m.list(ctx, filepath.Join(m.dir, name), m.stamp.Version, name, nil)
}

// zip makes the zip for CodeBuild.
func (m maker) zip(ctx context.Context, arch string) error {
	path, err := bundle.BuildRelease(ctx, arch, m.stamp, m.progress)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("layercache-codebuild-%s-%s", m.stamp.Version, arch)
	if err := copyFile(path, filepath.Join(m.dir, name+".zip")); err != nil {
		return err
	}
	helper := filepath.Join(m.unpacked, name)
	if err := extract(path, "layercache", helper); err != nil {
		return err
	}
	if err := m.list(ctx, helper, m.stamp.Version, name+".layercache", nil); err != nil {
		return err
	}
	pinned := toolchain.Buildkitd()
	buildkitd, err := toolchain.Build(ctx, pinned, toolchain.Platform{OS: "linux", Arch: arch}, m.progress)
	if err != nil {
		return err
	}
	return m.list(ctx, buildkitd, pinned.Version, name+"."+pinned.Name, pinned.Edits)
}
