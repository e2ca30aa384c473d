// Package setup prepares a machine for builds: it compiles the programs that are missing, and starts the
// builder once.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/variables"
)

// Run prepares the machine and prints the builder that builds will use.
func Run(ctx context.Context, s variables.Settings, progress io.Writer) error {
	if err := Tools(ctx, s.Builder, progress); err != nil {
		return err
	}
	client, err := buildx.Find()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "layercache-setup-")
	if err != nil {
		return fmt.Errorf("create a private folder: %w", err)
	}
	defer os.RemoveAll(dir)
	b, err := builder.Start(ctx, builder.Options{Kind: s.Builder, Mirrors: s.Mirrors, Buildx: client, Env: []string{"BUILDX_CONFIG=" + dir}})
	if err != nil {
		return err
	}
	b.Describe(progress)
	return b.Close()
}

// Tools compiles the programs that builds need and this machine does not have. If Go is missing, buildkitd is
// not compiled and that is an error only if the kind of builder needs it: with "auto" a builder of Docker may
// do.
func Tools(ctx context.Context, kind string, progress io.Writer) error {
	if _, err := buildx.Find(); err != nil {
		if _, err := toolchain.Build(ctx, toolchain.Buildx(), toolchain.Host(), progress); err != nil {
			return errors.Join(buildx.ErrNotFound, err)
		}
	}
	if !builder.LacksOnlyBuildkitd(kind) {
		return nil
	}
	_, err := toolchain.Build(ctx, toolchain.Buildkitd(), toolchain.Host(), progress)
	if errors.Is(err, toolchain.ErrNoGo) && kind == variables.BuilderAuto {
		return nil
	}
	return err
}
