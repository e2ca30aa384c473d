package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// containerStore is the name of the driver in a docker daemon with the containerd image store.
const containerStore = "io.containerd.snapshotter.v1"

// startContainer starts a builder of buildx's docker-container driver, on the network of the machine.
//
// https://docs.docker.com/build/builders/drivers/docker-container/
func startContainer(ctx context.Context, options Options) (*Builder, error) {
	if _, err := dockerInfo(ctx); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "layercache-")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "buildkitd.toml")
	// The container may be on another machine, whose name servers are not known.
	if err := writeConfiguration(config, options, nil); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	name := filepath.Base(dir)
	remove := func() error {
		_, err := run(options.Buildx.Command(context.WithoutCancel(ctx), options.Env, "rm", "--force", name))
		return errors.Join(err, os.RemoveAll(dir))
	}
	_, err = run(options.Buildx.Command(ctx, options.Env, "create", "--name", name, "--driver", "docker-container",
		"--driver-opt", "network=host", "--driver-opt", "image=moby/buildkit:"+toolchain.Buildkitd().Version,
		"--buildkitd-config", config, "--bootstrap"))
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	open := blockDockerAPI(ctx)
	return &Builder{Kind: "container", Name: name, ExportsCache: true, configured: true, note: OneLine(open), close: remove}, nil
}

// startDocker uses the BuildKit inside the daemon of the current docker context. Its name in buildx is the
// context's name.
//
// https://docs.docker.com/build/builders/drivers/docker/
func startDocker(ctx context.Context, _ Options) (*Builder, error) {
	docker, err := dockerconfig.CurrentContext(dockerconfig.UserDir())
	if err != nil {
		return nil, err
	}
	info, err := dockerInfo(ctx)
	if err != nil {
		return nil, err
	}
	return &Builder{Kind: "docker", Name: docker.Name, ExportsCache: strings.Contains(info, containerStore)}, nil
}

// dockerInfo returns the storage driver of the docker daemon. The error means that the daemon does not
// answer.
func dockerInfo(ctx context.Context) (string, error) {
	docker, err := real.Find()
	if err != nil {
		return "", err
	}
	return run(exec.CommandContext(ctx, docker, "info", "--format", "{{.Driver}} {{.DriverStatus}}"))
}

// run returns the standard output of a command. The error has the last line of its standard error.
func run(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return "", fmt.Errorf("%s %s: %s (%w)", filepath.Base(cmd.Path), cmd.Args[1], lines[len(lines)-1], err)
	}
	return stdout.String(), nil
}
