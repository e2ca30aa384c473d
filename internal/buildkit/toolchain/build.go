package toolchain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/private"
)

// Platform is a GOOS and GOARCH.
type Platform struct{ OS, Arch string }

// Host returns the platform of the running program.
func Host() Platform { return Platform{OS: runtime.GOOS, Arch: runtime.GOARCH} }

// ErrNoGo is the error if a program must be compiled and Go is not installed.
var ErrNoGo = errors.New("the go command is not on PATH: install Go 1.26 or newer (https://go.dev/dl)")

// Lookup returns the path of the program's compiled binary, or "" if it has not been compiled on this machine
// or another user could have changed it.
func Lookup(program Program, platform Platform) string {
	path := cachePath(program, platform)
	if _, err := os.Stat(path); err != nil || private.CheckDir(cacheDir()) != nil {
		return ""
	}
	return path
}

// Build returns the path of the program's binary for the platform. It compiles the program if this machine
// has not done so before, which takes minutes, and writes a line to progress every few seconds.
func Build(ctx context.Context, program Program, platform Platform, progress io.Writer) (string, error) {
	if path := Lookup(program, platform); path != "" {
		return path, nil
	}
	if _, err := CacheDir(); err != nil {
		return "", err
	}
	dir, err := download(ctx, program)
	if err != nil {
		return "", err
	}
	if len(program.Edits) > 0 {
		if dir, err = editedCopy(program, dir); err != nil {
			return "", err
		}
		defer os.RemoveAll(dir)
	}
	path := cachePath(program, platform)
	flags := "-s -w -X " + program.VersionVariable + "=" + program.Version
	err = Compile(ctx, Compilation{
		Dir: dir, Package: program.Package, LinkFlags: flags, CompilerFlags: program.CompilerFlags, Platform: platform, Output: path,
		Label: fmt.Sprintf("%s %s for %s/%s (once on this machine)", program.Name, program.Version, platform.OS, platform.Arch),
	}, progress)
	return path, err
}

// Compilation describes a static, reproducible compilation of a main package.
type Compilation struct {
	// Dir is the folder of the module. Its go.mod and go.sum are used and never written.
	Dir string
	// Package is the folder of the main package, relative to Dir.
	Package string
	// LinkFlags is the value of -ldflags, Tags that of -tags.
	LinkFlags, Tags string
	// CompilerFlags are values of -gcflags, each for a pattern of packages. The last matching one applies.
	CompilerFlags []string
	// Platform is the target.
	Platform Platform
	// Output is the path of the binary. It is never written partially.
	Output string
	// Label is the name for progress lines and errors.
	Label string
}

// Compile runs `go build` without the machine's own settings, cgo, paths and version control information, so
// the same source gives the same bytes on every machine with the same Go.
func Compile(ctx context.Context, c Compilation, progress io.Writer) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("compile %s: %w", c.Label, ErrNoGo)
	}
	if err := os.MkdirAll(filepath.Dir(c.Output), 0o755); err != nil {
		return fmt.Errorf("compile %s: %w", c.Label, err)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(c.Output), ".compile-*")
	if err != nil {
		return fmt.Errorf("compile %s: %w", c.Label, err)
	}
	defer os.RemoveAll(scratch)

	binary := filepath.Join(scratch, filepath.Base(c.Output))
	args := []string{"build", "-C", c.Dir, "-mod=readonly", "-buildvcs=false", "-trimpath", "-tags", c.Tags, "-ldflags", c.LinkFlags}
	for _, flags := range c.CompilerFlags {
		args = append(args, "-gcflags", flags)
	}
	args = append(args, "-o", binary, c.Package)
	env, err := environment(ctx, c.Dir, "GOOS="+c.Platform.OS, "GOARCH="+c.Platform.Arch)
	if err != nil {
		return fmt.Errorf("compile %s: %w", c.Label, errors.Join(ctx.Err(), err))
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = env
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output

	stop := announce(c.Label, progress)
	err = cmd.Run()
	stop(err == nil)
	if ctx.Err() != nil {
		return fmt.Errorf("compile %s: %w", c.Label, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("compile %s: go %s: %w\n%s", c.Label, strings.Join(args, " "), err, lastLines(output.String(), 20))
	}
	return os.Rename(binary, c.Output)
}

// announce prints the start of a compilation, the elapsed time every ten seconds, and at the end the total
// time if done is true.
func announce(label string, progress io.Writer) (stop func(done bool)) {
	begin := time.Now()
	stopped := make(chan struct{})
	finished := make(chan struct{})
	fmt.Fprintf(progress, "compiling %s\n", label)
	go func() {
		defer close(finished)
		ticker := time.NewTicker(10 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-ticker.C:
				fmt.Fprintf(progress, "compiling %s: %.0f s\n", label, time.Since(begin).Seconds())
			}
		}
	}()
	return func(done bool) {
		close(stopped)
		<-finished
		if done {
			fmt.Fprintf(progress, "compiled  %s in %.0f s\n", label, time.Since(begin).Seconds())
		}
	}
}

// download fetches the module through the Go module proxy, checks its checksum and returns its folder.
func download(ctx context.Context, program Program) (string, error) {
	module := program.Module + "@" + program.Version
	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("download %s: %w", module, ErrNoGo)
	}
	// A folder with its own go.mod, because the go command would use one from a folder above.
	dir, err := os.MkdirTemp("", "layercache-download-")
	if err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module download\n"), 0o600); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = dir
	if cmd.Env, err = environment(ctx, dir); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	out, err := cmd.Output()
	var got struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &got); jsonErr == nil && got.Error != "" {
		return "", fmt.Errorf("download %s: %s", module, got.Error)
	}
	if err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	if got.Sum != program.Sum {
		return "", fmt.Errorf("download %s: checksum is %s, expected %s: the module was changed after it was pinned", module, got.Sum, program.Sum)
	}
	return got.Dir, nil
}

// cachePath returns the path of the program's binary, which need not exist.
func cachePath(program Program, platform Platform) string {
	folder := fmt.Sprintf("%s-%s-%s-%s", program.Name, program.Version, platform.OS, platform.Arch)
	// Other flags and edits give another binary.
	if settings := program.settings(); settings != "" {
		folder += fmt.Sprintf("-%.4x", sha256.Sum256([]byte(settings)))
	}
	return filepath.Join(cacheDir(), "tools", folder, program.Name)
}

// settings returns everything besides the version and the platform that a compilation of the program depends on.
func (p Program) settings() string {
	parts := slices.Clone(p.CompilerFlags)
	for _, edit := range p.Edits {
		parts = append(parts, fmt.Sprintf("%q", edit))
	}
	return strings.Join(parts, " ")
}

// CacheDir returns the folder for compiled programs, inside the user's cache folder. It creates the folder
// and checks that no other user can change it.
func CacheDir() (string, error) {
	dir := cacheDir()
	if err := private.MakeDir(dir); err != nil {
		return "", fmt.Errorf("create the cache folder %s: %w", dir, err)
	}
	return dir, nil
}

// CacheDirPath returns the path of CacheDir, and does not create it.
func CacheDirPath() string { return cacheDir() }

// cacheDir returns the path of CacheDir, which need not exist.
func cacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "layercache")
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
