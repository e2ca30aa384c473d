package try

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/bake"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/source"
)

// checkBake checks the options for a bake file.
func checkBake(options *Options) error {
	if options.Dockerfile != "" {
		return errors.New("--file is for one Dockerfile, and --bake for a file that names several: leave out one of the two")
	}
	if err := checkFile("--bake", options.Bake, options.Dir); err != nil {
		return err
	}
	return errors.Join(checkFile("--touch", options.Touch, options.Dir), checkFile("--dependency", options.Dependency, options.Dir))
}

// copyAll copies all files of dir but those at the absolute paths leftOut: each target of a bake file may have a context and
// an ignore file of its own.
func copyAll(dir string, leftOut []string) (string, error) {
	target, err := os.MkdirTemp("", "layercache-context-")
	if err != nil {
		return "", fmt.Errorf("copy %s: %w", dir, err)
	}
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if path, err := filepath.Abs(name); err != nil || slices.Contains(leftOut, path) {
			return err
		}
		return copyEntry(name, filepath.Join(target, relative), entry)
	})
	if err != nil {
		return "", errors.Join(fmt.Errorf("copy %s: %w", dir, err), os.RemoveAll(target))
	}
	return target, nil
}

// readTargets asks buildx for the targets of the copied bake file.
func (t *trial) readTargets(ctx context.Context) error {
	var printed bytes.Buffer
	code, err := run.PassBake(ctx, run.Request{
		Args: append([]string{"--file", t.options.Bake, "--print"}, t.options.BuildArgs...), Dir: t.context,
		Settings: t.options.Settings, LookupEnv: os.LookupEnv, Stdout: &printed, Stderr: t.options.Stderr,
	})
	switch {
	case err != nil:
		return err
	case code != 0:
		return run.ReadError{Status: code}
	}
	if t.targets, err = bake.ReadTargets(printed.Bytes()); err != nil {
		return err
	}
	for _, target := range t.targets {
		if isLocal(target) && !filepath.IsLocal(target.Context) && !strings.HasPrefix(target.Context, t.context+string(filepath.Separator)) {
			return fmt.Errorf("the context %s of the target %s is outside of %s: give the folder that holds all contexts", escape.Line(target.Context), target.Name, t.options.Dir)
		}
	}
	return nil
}

// isLocal reports whether the target's context is a folder.
func isLocal(target bake.Target) bool { return !strings.Contains(target.Context, "://") }

// bakeArgs returns the arguments of `docker buildx bake`. Each image goes to a repository of the temporary registry, and no
// cache or output of the file is used: they would be those of real builds.
func (t *trial) bakeArgs() []string {
	args := []string{"--file", t.options.Bake, "--set=*.cache-from=", "--set=*.cache-to="}
	for _, target := range t.targets {
		image := t.host + "/layercache/image/" + imageName(target.Name) + ":try"
		args = append(args, "--set="+target.Name+".output=type=image,push=true", "--set="+target.Name+".tags="+image)
	}
	return append(args, t.options.BuildArgs...)
}

// imageName returns a name that a registry accepts, and that no other target has.
func imageName(target string) string {
	return fmt.Sprintf("t%x", target)
}

// inCopy returns the path of a file or folder that buildx names relative to the copy, or by its whole path.
func (t *trial) inCopy(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(t.context, path)
}

// useImagesOfTargets is useLocalImages for a bake file.
func (t *trial) useImagesOfTargets(ctx context.Context) error {
	// A link may lead out of the copy, to the user's own files. os.Root does not follow it.
	root, err := os.OpenRoot(t.context)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, target := range t.targets {
		if target.Inline == "" && !isLocal(target) {
			continue
		}
		content, err := t.dockerfileOf(ctx, root, target)
		if err == nil {
			err = t.useImagesOf(ctx, target.BuildArgs(""), target.DockerfilePath(), content)
		}
		if err != nil {
			return fmt.Errorf("target %s: %w", target.Name, err)
		}
	}
	return nil
}

// dockerfileOf returns the target's Dockerfile. A frontend that is not on this machine is removed from the copied file.
func (t *trial) dockerfileOf(ctx context.Context, root *os.Root, target bake.Target) ([]byte, error) {
	if target.Inline != "" {
		return []byte(target.Inline), nil
	}
	file := strings.TrimPrefix(target.DockerfilePath(), t.context+string(filepath.Separator))
	content, err := root.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--offline: read the Dockerfile: %w", err)
	}
	without, changed := t.withoutFrontend(ctx, content)
	if !changed {
		return content, nil
	}
	return without, root.WriteFile(file, without, 0o600)
}

// contextsOfTargets returns where files can be changed, and the steps of the cold build that take them.
func (t *trial) contextsOfTargets(cold row) []buildContext {
	var contexts []buildContext
	for i, target := range t.targets {
		if isLocal(target) && i < len(cold.report.Targets) {
			contexts = append(contexts, buildContext{
				dir: t.inCopy(target.Context), dockerfile: source.Dockerfile(t.inCopy(target.DockerfilePath())), steps: cold.report.Targets[i].Steps,
			})
		}
	}
	return contexts
}
