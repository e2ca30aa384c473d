// Package bases reads the lists of files of base images for lint, from their registries or the mirrors of
// those.
package bases

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/layercache/layercache/internal/lint"
	"github.com/layercache/layercache/internal/registry/filelist"
	"github.com/layercache/layercache/internal/variables"
)

// The limits for one image, on all platforms.
const (
	defaultMaxBytes = 1 << 30
	defaultTimeout  = 2 * time.Minute
)

// Options are the options of a Reader.
type Options struct {
	Mirrors []variables.Mirror
	// Keychain returns the sign-ins for images, given by their names.
	Keychain func(ctx context.Context, images []string) (authn.Keychain, error)
	// MaxBytes and Timeout limit the reading of one image. Default: defaultMaxBytes, defaultTimeout.
	MaxBytes int64
	Timeout  time.Duration
	// Progress is called before an image is read, and when it cannot be read.
	Progress func(string)
}

// defaultPlatforms returns the platforms whose files are read unless FROM has a platform: those of CodeBuild's machines.
func defaultPlatforms() []v1.Platform {
	return []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
}

type result struct {
	images []filelist.Image
	err    error
}

// New returns a function that reads the files of base images. It reads each image once.
func New(ctx context.Context, options Options) lint.Bases {
	if options.MaxBytes == 0 {
		options.MaxBytes = defaultMaxBytes
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	known := map[[2]string]result{}
	return func(image, platform string) ([]filelist.Image, error) {
		key := [2]string{image, platform}
		if r, ok := known[key]; ok {
			return r.images, r.err
		}
		options.Progress("reading the list of files of " + image + ", from the headers in its layers")
		images, err := options.read(ctx, image, platform)
		if err != nil {
			options.Progress(fmt.Sprintf("the list of files of %s cannot be read, so --link is not proven on it: %v", image, err))
		}
		known[key] = result{images, err}
		return images, err
	}
}

// read reads an image from the first location that has it, as a build does: the mirrors, then the upstream.
func (o Options) read(ctx context.Context, image, platform string) ([]filelist.Image, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("it takes longer than %s", o.Timeout))
	defer cancel()
	platforms, err := platformsOf(platform)
	if err != nil {
		return nil, err
	}
	locations, err := o.locations(image)
	if err != nil {
		return nil, err
	}
	keychain, err := o.Keychain(ctx, locations)
	if err != nil {
		o.Progress(err.Error())
	}
	var problems []error
	for _, location := range locations {
		ref, err := name.ParseReference(location)
		if err != nil {
			return nil, err
		}
		images, err := filelist.Read(ctx, ref, filelist.Options{Keychain: keychain, Platforms: platforms, MaxBytes: o.MaxBytes})
		if err == nil {
			return images, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		problems = append(problems, fmt.Errorf("%s: %w", location, err))
	}
	return nil, errors.Join(problems...)
}

// platformsOf returns the platforms of a FROM. A variable may be any of them.
func platformsOf(platform string) ([]v1.Platform, error) {
	if platform == "" || strings.HasPrefix(platform, "$") {
		return defaultPlatforms(), nil
	}
	parsed, err := v1.ParsePlatform(platform)
	if err != nil {
		return nil, err
	}
	return []v1.Platform{*parsed}, nil
}

// locations returns the names under which the image is pulled, in that order.
func (o Options) locations(image string) ([]string, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, err
	}
	host := ref.Context().RegistryStr()
	if host == name.DefaultRegistry {
		host = "docker.io"
	}
	separator := ":"
	if _, ok := ref.(name.Digest); ok {
		separator = "@"
	}
	var all []string
	for _, mirror := range o.Mirrors {
		if mirror.Upstream == host {
			all = append(all, mirror.Location+"/"+ref.Context().RepositoryStr()+separator+ref.Identifier())
		}
	}
	return append(all, image), nil
}
