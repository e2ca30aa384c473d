// Package buildx finds Docker's build client and runs it: `docker buildx build` with the caller's own arguments, unchanged,
// and ours before them.
package buildx

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/layercache/layercache/internal/buildkit/private"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// ErrNotFound says that there is no buildx on this machine.
var ErrNotFound = errors.New("no buildx found: install Docker with its buildx plugin, or put a buildx binary on PATH (`layercache setup` compiles one where Go is installed)")

// Client is a buildx that can be called.
type Client struct {
	// Path is the binary; Prefix are the arguments that come before buildx's own.
	Path   string
	Prefix []string
}

// pluginDirs are where docker looks for plugins that belong to the system.
//
// https://docs.docker.com/build/install-buildx/#manual-download
var pluginDirs = []string{
	"/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
	"/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
}

// Find returns docker's buildx plugin, called directly because docker's own start only adds to the time; else a buildx
// binary beside this program, on PATH, or compiled by this machine; else ErrNotFound. One that another user may have put beside this
// program, as into /tmp, is an error.
func Find() (Client, error) {
	var names []string
	if user := dockerconfig.UserDir(); user != "" {
		names = append(names, filepath.Join(user, "cli-plugins", "docker-buildx"))
	}
	for _, dir := range pluginDirs {
		names = append(names, filepath.Join(dir, "docker-buildx"))
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), "buildx")
		if _, err := os.Stat(beside); err == nil {
			if err := private.CheckProgram(beside, own); err != nil {
				return Client{}, err
			}
		}
		names = append(names, beside)
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
	if docker, err := exec.LookPath("docker"); err == nil && exec.Command(docker, "buildx", "version").Run() == nil {
		return Client{Path: docker, Prefix: []string{"buildx"}}, nil
	}
	return Client{}, ErrNotFound
}

// Command is a call of buildx with the environment variables added to this process's.
func (c Client) Command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Path, append(append([]string{}, c.Prefix...), args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}
