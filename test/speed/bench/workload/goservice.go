package workload

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/bundle"
)

// upstream is where the service's Dockerfile has its base image from.
const upstream = "public.ecr.aws/docker/library/golang:1.26-alpine"

// goService is the demo's service, on the benchmark's copy of its base image.
func goService(dir string, r Revision) error {
	source, err := bundle.SourceDir(context.Background())
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(source, "test", "demo", "service"))); err != nil {
		return err
	}
	edits := []struct{ file, old, new string }{
		{"Dockerfile", upstream, r.Bases + "/" + Golang + ":latest"},
		{"Dockerfile", "COPY --link ", "COPY " + r.Link()},
		{"greeting.go", `"Hello"`, fmt.Sprintf("%q", "Hello from "+r.Source)},
		{"go.mod", "\nrequire ", "\n// Revision " + r.Dependencies + ".\nrequire "},
	}
	for _, edit := range edits {
		path := filepath.Join(dir, edit.file)
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Contains(content, []byte(edit.old)) {
			return fmt.Errorf("%s does not hold %q", edit.file, edit.old)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(content, []byte(edit.old), []byte(edit.new)), 0o644); err != nil {
			return err
		}
	}
	return nil
}
