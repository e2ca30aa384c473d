package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// passedOn are this machine's variables that the build environment has too: how programs are found and how the network is
// reached. Credentials are not among them.
var passedOn = []string{
	"LANG", "TMPDIR", "DOCKER_HOST",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// imageEnvironment is the environment that CodeBuild's build image would give: PATH with a buildx on it, and an empty HOME.
func imageEnvironment(ctx context.Context, dir string, w io.Writer) ([]string, error) {
	home, tools := filepath.Join(dir, "home"), filepath.Join(dir, "tools")
	for _, made := range []string{home, tools} {
		if err := os.Mkdir(made, 0o755); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	if err := linkBuildx(ctx, tools, w); err != nil {
		return nil, err
	}
	env := []string{"HOME=" + home, "PATH=" + tools + string(filepath.ListSeparator) + os.Getenv("PATH")}
	for _, name := range passedOn {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env, nil
}

// linkBuildx puts the buildx of this machine into dir; it is compiled if there is none.
func linkBuildx(ctx context.Context, dir string, w io.Writer) error {
	client, err := buildx.Find()
	path := client.Path
	switch {
	case errors.Is(err, buildx.ErrNotFound):
		if path, err = toolchain.Build(ctx, toolchain.Buildx(), toolchain.Host(), w); err != nil {
			return err
		}
	case err != nil:
		return err
	case len(client.Prefix) > 0:
		// docker finds its own plugin.
		return nil
	}
	if err := os.Symlink(path, filepath.Join(dir, "buildx")); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}
