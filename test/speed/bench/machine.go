package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/kit/programs"
)

// machine describes the machine of a run.
type machine struct {
	Cores       int               `json:"cores"`
	Processor   string            `json:"processor"`
	MemoryBytes int64             `json:"memoryBytes"`
	System      string            `json:"system"`
	Kernel      string            `json:"kernel"`
	Versions    map[string]string `json:"versions"`
}

func describe(ctx context.Context) machine {
	m := machine{
		Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Kernel: firstLine(ctx, "uname", "-r"),
		Processor: field("/proc/cpuinfo", "model name"),
		Versions: map[string]string{
			"buildkitd": toolchain.Buildkitd().Version, "buildx": toolchain.Buildx().Version, "go": runtime.Version(),
			"docker": programs.DockerVersion, "runc": firstLine(ctx, "runc", "--version"),
			// buildkitd decompresses with either if it is on PATH.
			"igzip": firstLine(ctx, "igzip", "--version"), "unpigz": firstLine(ctx, "unpigz", "--version"),
		},
	}
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	m.MemoryBytes = kilobytes << 10
	return m
}

// firstLine returns the first line that a program prints, or "" if there is no such program.
func firstLine(ctx context.Context, program string, args ...string) string {
	printed, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(printed), "\n")
	return strings.TrimSpace(line)
}

// field returns the first value of a name in a file with lines NAME: VALUE.
func field(path, name string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// commit returns the commit that is checked out, marked if tracked files have changed since.
func commit(ctx context.Context, dir string) string {
	head := firstLine(ctx, "git", "-C", dir, "rev-parse", "--short=12", "HEAD")
	if head != "" && firstLine(ctx, "git", "-C", dir, "status", "--porcelain", "--untracked-files=no") != "" {
		head += " with changes"
	}
	return head
}

// zipSizes builds the helper's zip for each architecture.
func zipSizes(ctx context.Context) (map[string]int64, error) {
	sizes := map[string]int64{}
	for _, arch := range []string{"amd64", "arm64"} {
		path, err := bundle.Build(ctx, arch, os.Stderr)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
		sizes[arch] = info.Size()
	}
	return sizes, nil
}
