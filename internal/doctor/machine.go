package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/go-units"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/variables"
)

// Machine checks what builds need from this machine. It starts the builder that they would use, once.
func Machine(ctx context.Context, s variables.Settings) []Check {
	client, check := checkBuildx(ctx)
	checks := append([]Check{check}, native(ctx)...)
	if builder.LacksOnlyBuildkitd(s.Builder) {
		checks = append(checks, Check{"buildkitd", Warn, "not installed, but this machine could run it", "`layercache setup` compiles it if Go is installed"})
	}
	if check.State != Fail {
		ofBuilder, kind := checkBuilder(ctx, s, client)
		checks = append(checks, ofBuilder, checkMounts(s, kind))
	}
	return append(checks, checkDocker(ctx), checkNameServers(builder.ReadNameServers()), checkBranch(ctx, s))
}

func checkBuildx(ctx context.Context) (buildx.Client, Check) {
	client, err := buildx.Find()
	if err != nil {
		return client, Check{"buildx", Fail, "not installed", err.Error()}
	}
	version, err := output(client.Command(ctx, nil, "version"))
	if err != nil {
		return client, Check{"buildx", Fail, fmt.Sprintf("%s does not run: %v", client.Path, err), "reinstall Docker's buildx plugin"}
	}
	version = strings.TrimPrefix(version, "github.com/docker/buildx ")
	found := version + ", " + client.Path
	if own := toolchain.Buildx().Version; version != own && !strings.HasPrefix(version, own+" ") {
		found += "; an installed plugin is used before " + own + ", which `layercache setup` compiles"
	}
	return client, Check{"buildx", OK, found, ""}
}

// checkBuilder starts and stops the builder. It also returns the kind of the builder; empty if none can run.
func checkBuilder(ctx context.Context, s variables.Settings, client buildx.Client) (check Check, kind string) {
	kinds := []string{variables.BuilderAuto, variables.BuilderNative, variables.BuilderContainer, variables.BuilderDocker}
	if !slices.Contains(kinds, s.Builder) {
		s.Builder = variables.BuilderAuto
	}
	dir, err := os.MkdirTemp("", "layercache-doctor-")
	if err != nil {
		return Check{"builder", Fail, err.Error(), "make the folder for temporary files writable, or set TMPDIR to a writable folder"}, ""
	}
	defer os.RemoveAll(dir)
	b, err := builder.Start(ctx, builder.Options{Kind: s.Builder, Mirrors: s.Mirrors, Parallelism: s.Parallelism, Buildx: client, Env: []string{"BUILDX_CONFIG=" + dir}})
	if err != nil {
		return Check{"builder", Fail, err.Error(), "run as root on Linux with runc and buildkitd (`layercache setup` compiles it), or start a Docker daemon"}, ""
	}
	check = Check{"builder", OK, fmt.Sprintf("%s, ready in %.2f s (%s)", b.Kind, b.Ready.Seconds(), b.Reason), ""}
	if !b.ExportsCache {
		check.State = Warn
		check.Found += "; it cannot export a cache to a registry"
		check.Fix = "turn on Docker's containerd image store, or use the native builder: root on Linux with runc and buildkitd"
	}
	if err := b.Close(); err != nil {
		return Check{"builder", Fail, fmt.Sprintf("the %s builder could not be stopped: %v", b.Kind, err), "remove its process, its container and its files"}, b.Kind
	}
	return check, b.Kind
}

// checkMounts checks whether builds keep their cache mounts (RUN --mount=type=cache). kind is the kind of their
// builder.
func checkMounts(s variables.Settings, kind string) Check {
	const name = "mounts"
	switch why := s.WhyMountsNotKept(); {
	case why == "" && kind == "":
		return Check{name, Skipped, "no builder can run here", ""}
	case why == "" && kind == variables.BuilderNative:
		limit := units.CustomSize("%.4g %s", float64(s.MountLimit), 1000, []string{"bytes", "kB", "MB", "GB", "TB"})
		which := "all cache mounts are kept"
		if !slices.Equal(s.Mounts, []string{variables.MountsAuto}) {
			which = "the cache mounts " + strings.Join(s.Mounts, ", ") + " are kept"
		}
		return Check{name, OK, fmt.Sprintf("%s with the cache of mode %s, each up to %s", which, s.Mode, limit), ""}
	case why == "":
		return Check{name, Warn, fmt.Sprintf("cache mounts are not kept with the cache: the %s builder cannot, only the native one can", kind),
			"run as root on Linux with runc and buildkitd, and without LAYERCACHE_BUILDER"}
	case s.Mode == variables.ModeOff || slices.Equal(s.Mounts, []string{variables.MountsOff}):
		return Check{name, OK, "cache mounts are not kept: " + why, ""}
	default:
		return Check{name, Warn, "cache mounts are not kept: " + why, "set LAYERCACHE_MODE=registry or s3, or mode local with LAYERCACHE_LOCAL_DIR"}
	}
}

// containerStore is the name of the driver in a docker daemon with the containerd image store.
const containerStore = "io.containerd.snapshotter.v1"

func checkDocker(ctx context.Context) Check {
	docker, err := real.Find()
	if err != nil {
		return Check{"docker", Skipped, "docker is not on PATH; the native builder does not need it", ""}
	}
	info, err := output(exec.CommandContext(ctx, docker, "info", "--format", "{{.ServerVersion}} with {{.Driver}} {{.DriverStatus}}"))
	if err != nil {
		return Check{"docker", Skipped, "no daemon answers; the native builder does not need one: " + err.Error(), ""}
	}
	if strings.Contains(info, containerStore) {
		version, _, _ := strings.Cut(info, " ")
		return Check{"docker", OK, version + " with the containerd image store: its own builder can export caches", ""}
	}
	info, _, _ = strings.Cut(info, " [")
	return Check{"docker", OK, info + ": its own builder can import caches but not export them; the other builders can do both", ""}
}

// checkNameServers checks that steps ask the same name servers as this machine.
func checkNameServers(servers builder.NameServers) Check {
	found := strings.Join(servers.All, ", ")
	switch {
	case len(servers.All) == 0:
		return Check{"name servers", Warn, "/etc/resolv.conf has none: steps ask public ones, which do not know private names", "write the network's name servers to /etc/resolv.conf"}
	case len(servers.Steps) > 0:
		return Check{"name servers", OK, found + ": steps of the native builder ask them; the container builder leaves out those on the loopback, and asks public ones if none is left", ""}
	}
	return Check{"name servers", OK, found, ""}
}

func checkBranch(ctx context.Context, s variables.Settings) Check {
	branch := source.Branch(ctx, s.Branch, os.LookupEnv, ".")
	if branch != "" {
		return Check{"branch", OK, branch, ""}
	}
	found := "not known"
	if _, err := exec.LookPath("git"); err != nil {
		found = "not known, and git is not on PATH"
	}
	return Check{"branch", Warn, found + ": builds share the cache of " + s.FallbackBranch, "set LAYERCACHE_BRANCH, or run in a Git checkout with a branch"}
}

// output returns the first line of a command's standard output. The error has the last line of its standard
// error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("%s: %s (%w)", filepath.Base(cmd.Path), lines[len(lines)-1], err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line), err
}
