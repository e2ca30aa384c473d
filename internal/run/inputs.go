package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/outline"
)

// readInputs reads the build's inputs. It leaves out the Dockerfile and the files of a context that is not a folder,
// and the files that it has not read when the context is cancelled.
func readInputs(ctx context.Context, request Request, args buildx.Args) cache.Inputs {
	inputs := cache.Inputs{Flags: args.Shape()}
	values := buildArguments(request, args)
	if len(args.BuildArgs) > 0 {
		inputs.Arguments = map[string]string{}
	}
	for _, argument := range args.BuildArgs {
		name, _, _ := strings.Cut(argument, "=")
		inputs.Arguments[name] = digestOf([]byte(values[name]))
	}
	main := within(request.Dir, args.Context)
	if args.Context == "" || !isFolder(main) {
		inputs.Remote = args.Context != ""
		return inputs
	}
	dockerfile := dockerfilePath(request.Dir, args)
	content, err := source.ReadFile(dockerfile)
	if err != nil {
		return inputs
	}
	inputs.Dockerfile = digestOf(content)
	options, folders := outlineOptions(request, args, values)
	folders[""] = main
	parsed, err := outline.Parse(content, options)
	if err != nil {
		return inputs // Another frontend may read it.
	}
	inputs.Outline = parsed
	if files, err := source.Digest(ctx, folders, dockerfile, parsed); err == nil {
		inputs.Files, inputs.Manifests = files, source.SelfContained(main)
	}
	return inputs
}

// outlineOptions returns how the arguments change the steps, and the folders among the build contexts.
func outlineOptions(request Request, args buildx.Args, values map[string]string) (outline.Options, source.Contexts) {
	folders := source.Contexts{}
	options := outline.Options{Args: values, Flags: args.RunFlags(), Contexts: map[string]string{}, Target: args.Target}
	for name, place := range args.BuildContexts() {
		options.Contexts[name] = place
		if folder := within(request.Dir, place); !strings.Contains(place, ":") && isFolder(folder) {
			options.Contexts[name], folders[name] = outline.Folder, folder
		}
	}
	return options, folders
}

// Images returns the names of the images that the Dockerfile of a build needs, without those that --build-context
// replaces.
func Images(request Request, dockerfile []byte) ([]string, error) {
	args := buildx.ParseArgs(request.Args)
	options, _ := outlineOptions(request, args, buildArguments(request, args))
	parsed, err := outline.Parse(dockerfile, options)
	if err != nil {
		return nil, err
	}
	var images []string
	for _, stage := range parsed.Stages {
		if !stage.Built {
			continue
		}
		if stage.Context == "" && stage.Base != "" && stage.Base != outline.Scratch {
			images = append(images, stage.Base)
		}
		for _, step := range stage.Steps {
			images = append(images, step.Images...)
		}
	}
	slices.Sort(images)
	return slices.Compact(images), nil
}

// dockerfilePath returns the path of the Dockerfile that buildx reads.
func dockerfilePath(dir string, args buildx.Args) string {
	return source.Dockerfile(within(dir, cmp.Or(args.Dockerfile, filepath.Join(args.Context, "Dockerfile"))))
}

// buildArguments returns the build arguments as buildx passes them on: one without a value takes that of the
// environment, and SOURCE_DATE_EPOCH is always passed on.
func buildArguments(request Request, args buildx.Args) map[string]string {
	values := map[string]string{}
	for _, argument := range append([]string{"SOURCE_DATE_EPOCH"}, args.BuildArgs...) {
		name, value, given := strings.Cut(argument, "=")
		if !given {
			value, given = request.LookupEnv(name)
		}
		if given {
			values[name] = value
		}
	}
	return values
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// The time that reading the inputs may take after the build has ended.
const (
	minInputsGrace   = 100 * time.Millisecond
	inputsGraceShare = 0.02
)

// inputsGrace returns how long to wait for the inputs after a build that took the time.
func inputsGrace(took time.Duration) time.Duration {
	return max(minInputsGrace, time.Duration(inputsGraceShare*float64(took)))
}

// within returns the path relative to the working directory, as buildx reads it.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}
