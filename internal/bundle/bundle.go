// Package bundle creates the zip that a CodeBuild build downloads as its secondary source: the helper and the
// packed buildkitd for one Linux architecture. The same source and Go version give the same bytes, so the
// digest in the zip's name identifies its content.
package bundle

import (
	"archive/zip"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
	"golang.org/x/mod/semver"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle/packed"
	"github.com/layercache/layercache/internal/bundle/version"
)

// modulePath is the path of this module.
const modulePath = "github.com/layercache/layercache"

// HelperTags are the build tags of the helper. They omit HTTP/2, which is half a megabyte (registries and AWS
// endpoints all support HTTP/1.1), and commands that are only useful on a developer's machine.
const HelperTags = "nethttpomithttp2,bundled"

var building sync.Mutex

// Build returns the path of the zip for linux/arch, where arch is "amd64" or "arm64". The binaries are
// compiled from this module's source, wherever it is (a checkout, a replace directive, the module cache), and
// the compiler's cache is used. The helper knows its version if it comes from the module cache: in a checkout,
// each commit would give other bytes, and so change every project. Progress lines go to progress.
func Build(ctx context.Context, arch string, progress io.Writer) (string, error) {
	return BuildRelease(ctx, arch, version.Stamp{}, progress)
}

// BuildRelease is Build for a helper with the version and commit.
func BuildRelease(ctx context.Context, arch string, stamp version.Stamp, progress io.Writer) (string, error) {
	if arch != "amd64" && arch != "arm64" {
		return "", fmt.Errorf("helper bundle: architecture %q is not supported: use amd64 or arm64", arch)
	}
	building.Lock()
	defer building.Unlock()

	platform := toolchain.Platform{OS: "linux", Arch: arch}
	buildkitd, err := toolchain.Build(ctx, toolchain.Buildkitd(), platform, progress)
	if err != nil {
		return "", fmt.Errorf("helper bundle: %w", err)
	}
	cache, err := toolchain.CacheDir()
	if err != nil {
		return "", fmt.Errorf("helper bundle: %w", err)
	}
	dir := filepath.Join(cache, "bundle", "linux-"+arch)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("helper bundle: %w", err)
	}
	// A new folder, because another process may compile another version of the helper at the same time.
	scratch, err := os.MkdirTemp(dir, ".helper-*")
	if err != nil {
		return "", fmt.Errorf("helper bundle: %w", err)
	}
	defer os.RemoveAll(scratch)
	helper, err := compileHelper(ctx, platform, filepath.Join(scratch, "layercache"), stamp, progress)
	if err != nil {
		return "", fmt.Errorf("helper bundle: %w", err)
	}
	packedBuildkitd, err := pack(dir, buildkitd)
	if err != nil {
		return "", fmt.Errorf("helper bundle: %w", err)
	}
	files := []string{helper, packedBuildkitd}
	digest, err := digestOf(files)
	if err != nil {
		return "", fmt.Errorf("helper bundle: %w", err)
	}
	path := filepath.Join(dir, "layercache-"+digest+".zip")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, write(path, files)
}

// pack returns the path of the packed program, and packs each program only once.
func pack(dir, program string) (string, error) {
	digest, err := digestOf([]string{program})
	if err != nil {
		return "", err
	}
	// The file name is also the name in the zip.
	path := filepath.Join(dir, digest+"-"+packed.Form(), filepath.Base(program)+packed.Suffix)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, packed.Pack(program, path)
}

func digestOf(files []string) (string, error) {
	hash := sha256.New()
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(hash, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// inlined are the packages that move, hash and compress bytes.
var inlined = []string{
	"github.com/klauspost/...", "compress/...", "crypto/...", "hash/...", "bytes", "strings", "bufio", "io", "slices", "math/...", "sync/...",
	"syscall", "runtime/...", "internal/...",
}

// compilerFlags returns flags without inlining, which makes the helper 8% smaller. The packages that move bytes keep it,
// for speed.
func compilerFlags() []string {
	flags := []string{"all=-l"}
	for _, packages := range inlined {
		flags = append(flags, packages+"=")
	}
	return flags
}

func compileHelper(ctx context.Context, platform toolchain.Platform, output string, stamp version.Stamp, progress io.Writer) (string, error) {
	dir, err := SourceDir(ctx)
	if err != nil {
		return "", err
	}
	if stamp.Version == "" {
		stamp.Version = cachedVersion(dir)
	}
	return output, toolchain.Compile(ctx, toolchain.Compilation{
		Dir: dir, Package: "./bin/layercache", LinkFlags: "-s -w" + stamp.LinkFlags(), Tags: HelperTags, Platform: platform, Output: output,
		CompilerFlags: compilerFlags(),
		Label:         fmt.Sprintf("the helper for %s/%s", platform.OS, platform.Arch),
	}, progress)
}

// cachedVersion returns the version of this module if the folder is in the module cache, or "".
//
// https://go.dev/ref/mod#module-cache
func cachedVersion(dir string) string {
	_, cached, _ := strings.Cut(filepath.Base(dir), "@")
	if semver.IsValid(cached) {
		return cached
	}
	return ""
}

// SourceDir returns the folder of this module's source: where this file was compiled from or, if paths were
// trimmed, where the go command in the working directory finds the module.
func SourceDir(ctx context.Context) (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	// -mod=readonly, because the helper's source is in the module cache but not in a vendor folder.
	out, err := exec.CommandContext(ctx, "go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", modulePath).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return "", fmt.Errorf("find the source of %s (go list -m: %w): run in a module that requires it, download it with go mod download %s, or give the path of a prebuilt zip",
			modulePath, cmp.Or(err, errors.New("it printed no folder")), modulePath)
	}
	return dir, nil
}

// write creates a reproducible zip: entries in the given order, no times, fixed modes.
func write(path string, files []string) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".zip-*")
	if err != nil {
		return fmt.Errorf("helper bundle: %w", err)
	}
	defer os.Remove(temporary.Name())
	archive := zip.NewWriter(temporary)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, file := range files {
		if err := addFile(archive, file); err != nil {
			return errors.Join(fmt.Errorf("helper bundle: add %s: %w", file, err), temporary.Close())
		}
	}
	if err := errors.Join(archive.Close(), temporary.Chmod(0o644), temporary.Close()); err != nil {
		return fmt.Errorf("helper bundle: %w", err)
	}
	return os.Rename(temporary.Name(), path)
}

func addFile(archive *zip.Writer, path string) error {
	header := &zip.FileHeader{Name: filepath.Base(path), Method: zip.Deflate}
	if filepath.Ext(path) == packed.Suffix {
		header.Method = zip.Store
	}
	header.SetMode(0o755)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(entry, file)
	return err
}
