package flow

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
)

// Machine holds the paths of the programs that flows run.
type Machine struct {
	// tools is the folder of buildx, and of buildkitd as its authors release it, without layercache's edits.
	tools string
	// bundle is the folder that CodeBuild unpacks the helper's zip into.
	bundle string
	// docker is a Docker configuration folder with buildx as a plugin.
	docker string
	// noDocker is the reason why flows with a docker daemon cannot run; nil if they can. noCompose is that of flows with
	// Docker Compose.
	noDocker, noCompose error
}

// Install prepares the programs in the folder dir. Programs that were compiled on this machine before are
// reused.
func Install(ctx context.Context, dir string, progress io.Writer) (*Machine, error) {
	m := &Machine{tools: filepath.Join(dir, "tools"), bundle: filepath.Join(dir, "bundle"), docker: filepath.Join(dir, "docker")}
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
	buildx, err := toolchain.Build(ctx, toolchain.Buildx(), toolchain.Host(), progress)
	if err != nil {
		return nil, err
	}
	for link, program := range map[string]string{
		m.tool("buildkitd"): buildkitd, m.tool("buildx"): buildx, filepath.Join(m.docker, "cli-plugins", "docker-buildx"): buildx,
	} {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
		if err := os.Symlink(program, link); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
	}
	for _, program := range []string{"docker", "dockerd"} {
		if _, err := exec.LookPath(program); err != nil {
			m.noDocker = fmt.Errorf("%s is not on PATH", program)
		}
	}
	compose, err := exec.LookPath("docker-compose")
	if err != nil {
		m.noCompose = errors.New("docker-compose is not on PATH")
		return m, nil
	}
	return m, os.Symlink(compose, filepath.Join(m.docker, "cli-plugins", "docker-compose"))
}

// Can returns the reason why a flow cannot run here, or nil.
func (m *Machine) Can(f Flow) error {
	if f.Dockerd && m.noDocker != nil {
		return m.noDocker
	}
	if f.Compose {
		return m.noCompose
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
