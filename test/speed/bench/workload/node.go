package workload

import (
	"archive/tar"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// node returns the Node.js image or, if its registry cannot be reached, a stand-in made of this machine's
// Node.js and npm.
func node(ctx context.Context, release int) (v1.Image, string, error) {
	image, origin, pulling := released(ctx, "public.ecr.aws/docker/library/node:22-alpine", release)
	if pulling == nil {
		return image, origin, nil
	}
	small, _, err := Base(ctx, Small, 1)
	if err != nil {
		return nil, "", err
	}
	local, err := localNode(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("bench: %w, and %w", pulling, err)
	}
	config, err := small.ConfigFile()
	if err != nil {
		return nil, "", fmt.Errorf("bench: %w", err)
	}
	settings := config.Config
	// The registry of a closed network may have a certificate that only this machine trusts; the base image
	// has its authorities.
	settings.Env = append(settings.Env, "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
		"npm_config_registry="+local.registry, "npm_config_update_notifier=false")
	if image, err = mutate.Config(small, settings); err != nil {
		return nil, "", fmt.Errorf("bench: %w", err)
	}
	if image, err = appended(image, local.write); err == nil && release > 1 {
		image, err = withRelease(image, release)
	}
	return image, "made of this machine's Node.js " + local.version + " and busybox", err
}

// machineNode is the Node.js installation of this machine.
type machineNode struct {
	version, registry string
	// program is the path of node, npm the folder of npm, libraries are the shared libraries of node.
	program, npm string
	libraries    []string
}

func localNode(ctx context.Context) (*machineNode, error) {
	found := &machineNode{}
	questions := []struct {
		into *string
		args []string
	}{
		{&found.version, []string{"node", "--print", "process.versions.node"}},
		{&found.program, []string{"node", "--print", "process.execPath"}},
		{&found.registry, []string{"npm", "config", "get", "registry"}},
	}
	for _, ask := range questions {
		printed, err := exec.CommandContext(ctx, ask.args[0], ask.args[1:]...).Output()
		if err != nil {
			return nil, fmt.Errorf("a stand-in for node needs Node.js and npm on PATH: %s: %w", strings.Join(ask.args, " "), err)
		}
		*ask.into = strings.TrimSpace(string(printed))
	}
	program, err := exec.LookPath("npm")
	if err != nil {
		return nil, err
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return nil, err
	}
	found.npm = filepath.Dir(filepath.Dir(program))
	found.libraries, err = librariesOf(ctx, found.program)
	return found, err
}

// librariesOf returns the files that the dynamic linker loads for a program, including the linker itself,
// under the names that it looks for.
func librariesOf(ctx context.Context, program string) ([]string, error) {
	binary, err := elf.Open(program)
	if err != nil {
		return nil, fmt.Errorf("a stand-in needs Linux programs, and %s is not one: %w", program, err)
	}
	if err := binary.Close(); err != nil {
		return nil, err
	}
	printed, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w", program, err)
	}
	var libraries []string
	for _, field := range strings.Fields(string(printed)) {
		if filepath.IsAbs(field) {
			libraries = append(libraries, field)
		}
	}
	return libraries, nil
}

// write puts Node.js at its usual paths; libraries keep their paths on this machine.
func (n *machineNode) write(archive *tar.Writer) error {
	files := map[string]string{"usr/local/bin/node": n.program}
	order := []string{"usr/local/bin/node"}
	for _, library := range n.libraries {
		name := strings.TrimPrefix(library, "/")
		files[name] = library
		order = append(order, name)
	}
	for _, name := range order {
		if err := copied(archive, name, files[name]); err != nil {
			return err
		}
	}
	err := filepath.WalkDir(n.npm, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(n.npm, path)
		if err != nil {
			return err
		}
		return copied(archive, "usr/local/lib/node_modules/npm/"+filepath.ToSlash(relative), path)
	})
	if err != nil {
		return err
	}
	return archive.WriteHeader(&tar.Header{
		Typeflag: tar.TypeSymlink, Name: "usr/local/bin/npm", Linkname: "../lib/node_modules/npm/bin/npm-cli.js", Mode: 0o777,
	})
}

func copied(archive *tar.Writer, name, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return file(archive, name, 0o755, content)
}
