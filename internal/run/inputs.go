package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
)

// readInputs reads the build's inputs. It leaves out the files of a context that is not a folder or is too
// large.
func readInputs(ctx context.Context, request Request, args buildx.Args) cache.Inputs {
	inputs := cache.Inputs{Flags: args.Shape()}
	if len(args.BuildArgs) > 0 {
		inputs.Arguments = map[string]string{}
	}
	for _, argument := range args.BuildArgs {
		name, value, given := strings.Cut(argument, "=")
		if !given {
			value, _ = request.Lookup(name)
		}
		inputs.Arguments[name] = digestOf([]byte(value))
	}
	context := within(request.Dir, args.Context)
	if info, err := os.Stat(context); args.Context == "" || err != nil || !info.IsDir() {
		return inputs
	}
	dockerfile := within(request.Dir, args.Dockerfile)
	if args.Dockerfile == "" {
		dockerfile = filepath.Join(context, "Dockerfile")
	}
	if content, err := source.ReadFile(dockerfile); err == nil {
		inputs.Dockerfile = digestOf(content)
	}
	if files, err := source.Digest(ctx, context, dockerfile); err == nil {
		inputs.Files = files
	}
	return inputs
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
