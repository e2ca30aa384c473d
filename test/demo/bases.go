package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/test/kit/template"
)

// from matches a FROM instruction that names an image with its registry.
var from = regexp.MustCompile(`(?mi)^FROM\s+(?:--platform=\S+\s+)?([^\s/]+\.[^\s/]+/\S+)`)

// baseImages fetches the base images of the project's mirrored registries into the user's cache before the
// timed builds.
func baseImages(ctx context.Context, project template.Project, w io.Writer) error {
	dockerfile, err := os.ReadFile(filepath.Join(project.Source.Path, project.Value("LAYERCACHE_DOCKERFILE")))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	for _, match := range from.FindAllStringSubmatch(string(dockerfile), -1) {
		ref, err := name.ParseReference(match[1])
		if err != nil {
			return fmt.Errorf("demo: base image %s: %w", match[1], err)
		}
		if !strings.Contains(project.Value("LAYERCACHE_MIRRORS"), ref.Context().RegistryStr()+"=") {
			continue
		}
		started := time.Now()
		_, origin, err := baseimage.Provide(ctx, ref)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "base image %s: %s (%.1f s)\n", match[1], origin, time.Since(started).Seconds())
	}
	return nil
}
