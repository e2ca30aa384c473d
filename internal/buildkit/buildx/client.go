// Package buildx finds Docker's build client and runs it: `docker buildx build` with the helper's arguments
// followed by the caller's, unchanged.
package buildx

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/layercache/layercache/internal/buildkit/private"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// ErrNotFound means that this machine has no buildx.
var ErrNotFound = errors.New("no buildx found: install Docker with its buildx plugin, or put a buildx binary on PATH (`layercache setup` compiles one if Go is installed)")

// Client runs a buildx.
type Client struct {
	// Path is the binary. Prefix holds the arguments before buildx's own, such as "buildx" if Path is docker.
	Path   string
	Prefix []string
}

// pluginDirs are the system folders in which docker looks for plugins.
//
// https://docs.docker.com/build/install-buildx/#manual-download
var pluginDirs = []string{
	"/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
	"/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
}

// Find returns docker's buildx plugin, else a buildx binary in the folder of this program, on PATH, or
// compiled by `layercache setup`, else `docker buildx`. It calls the plugin directly, which saves the start
// of docker. If there is no buildx, it returns ErrNotFound. A buildx next to this program that another user
// may have put there, as into /tmp, is an error.
func Find() (Client, error) {
	var names []string
	if user := dockerconfig.UserDir(); user != "" {
		names = append(names, filepath.Join(user, "cli-plugins", "docker-buildx"))
	}
	for _, dir := range pluginDirs {
		names = append(names, filepath.Join(dir, "docker-buildx"))
	}
	if own, err := os.Executable(); err == nil {
		sibling := filepath.Join(filepath.Dir(own), "buildx")
		if _, err := os.Stat(sibling); err == nil {
			if err := private.CheckProgram(sibling, own); err != nil {
				return Client{}, err
			}
		}
		names = append(names, sibling)
	}
	names = append(names, "buildx", "docker-buildx", toolchain.Lookup(toolchain.Buildx(), toolchain.Host()))
	for _, name := range names {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return Client{Path: path}, nil
		}
	}
	if docker, err := real.Find(); err == nil && exec.Command(docker, "buildx", "version").Run() == nil {
		return Client{Path: docker, Prefix: []string{"buildx"}}, nil
	}
	return Client{}, ErrNotFound
}

// Command returns a command that runs buildx with env added to the environment of this process.
func (c Client) Command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Path, append(append([]string{}, c.Prefix...), args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}
