package flow

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/kit/programs"
)

// Machine holds the paths of the programs that flows run.
type Machine struct {
	// tools is the folder of buildx, of Docker, and of buildkitd as its authors release it, without layercache's edits.
	tools string
	// bundle is the folder that CodeBuild unpacks the helper's zip into.
	bundle string
	// docker is a Docker configuration folder with buildx as a plugin, and compose one with Compose and the buildx of
	// CodeBuild's images.
	docker, compose string
}

// Install prepares the programs in the folder dir. Programs that were compiled on this machine before are
// reused.
func Install(ctx context.Context, dir string, progress io.Writer) (*Machine, error) {
	m := &Machine{
		tools: filepath.Join(dir, "tools"), bundle: filepath.Join(dir, "bundle"),
		docker: filepath.Join(dir, "docker"), compose: filepath.Join(dir, "compose"),
	}
	archive, err := bundle.Build(ctx, toolchain.Host().Arch, progress)
	if err != nil {
		return nil, err
	}
	if err := unpack(archive, m.bundle); err != nil {
		return nil, fmt.Errorf("bench: unpack %s: %w", archive, err)
	}
	released := toolchain.Buildkitd()
	released.Edits, released.CompilerFlags = nil, nil
	buildkitd, err := toolchain.Build(ctx, released, toolchain.Host(), progress)
	if err != nil {
		return nil, err
	}
	if err := link(buildkitd, m.tool("buildkitd")); err != nil {
		return nil, err
	}
	for _, placed := range []struct{ program, as string }{
		{programs.Buildx, m.tool("buildx")}, {programs.Docker, m.tool("docker")}, {programs.Dockerd, m.tool("dockerd")},
		{programs.Containerd, m.tool("containerd")}, {programs.ContainerdShim, m.tool(programs.ContainerdShim)},
		{programs.Buildx, plugin(m.docker, "docker-buildx")},
		{programs.CodeBuildBuildx, plugin(m.compose, "docker-buildx")}, {programs.Compose, plugin(m.compose, "docker-compose")},
	} {
		program, err := programs.Tool(ctx, placed.program, progress)
		if err != nil {
			return nil, err
		}
		if err := link(program, placed.as); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func plugin(config, name string) string { return filepath.Join(config, "cli-plugins", name) }

// link makes a link to the program, and the folder of the link.
func link(program, as string) error {
	if err := errors.Join(os.MkdirAll(filepath.Dir(as), 0o755), os.Symlink(program, as)); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

func (m *Machine) tool(name string) string { return filepath.Join(m.tools, name) }

func unpack(archive, dir string) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, entry := range reader.File {
		content, err := entry.Open()
		if err != nil {
			return err
		}
		file, err := os.OpenFile(filepath.Join(dir, filepath.Base(entry.Name)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, entry.Mode())
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, content); err != nil {
			_ = file.Close()
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}
