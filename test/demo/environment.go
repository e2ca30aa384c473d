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

// passedOn are the variables of this machine that the build environment gets, for the network, temporary
// files and Docker. Credentials are not included.
var passedOn = []string{
	"LANG", "TMPDIR", "DOCKER_HOST",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// imageEnvironment returns the environment of a build image like CodeBuild's: a PATH with buildx, and an
// empty HOME.
func imageEnvironment(ctx context.Context, dir string, w io.Writer) ([]string, error) {
	home, tools := filepath.Join(dir, "home"), filepath.Join(dir, "tools")
	for _, folder := range []string{home, tools} {
		if err := os.Mkdir(folder, 0o755); err != nil {
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

// linkBuildx links the buildx of this machine into dir. It compiles buildx if there is none.
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
		// docker finds its plugin itself.
		return nil
	}
	if err := os.Symlink(path, filepath.Join(dir, "buildx")); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}
