package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/template"
)

// demo is the state that the builds share.
type demo struct {
	options  options
	project  template.Project
	registry *localecr.Server
	// dir is the directory for everything that is removed at the end.
	dir string
	env []string
	w   io.Writer
}

// start prepares the base images, buildx and the registry.
func start(ctx context.Context, o options, project template.Project, w io.Writer) (*demo, error) {
	dir, err := os.MkdirTemp("", "layercache-demo-")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	d := &demo{options: o, dir: dir, w: w}
	if err := d.prepare(ctx, project); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *demo) prepare(ctx context.Context, project template.Project) error {
	heading(d.w, "project %s of stack %s from %s", project.LogicalID, project.Stack, d.options.cdkOut)
	if err := baseImages(ctx, project, d.w); err != nil {
		return err
	}
	var err error
	if d.env, err = imageEnvironment(ctx, d.dir, d.w); err != nil {
		return err
	}
	d.registry, err = localecr.Start(localecr.Config{
		Dir: filepath.Join(d.dir, "registry"),
		Imported: func(done localecr.Import) {
			if done.Err != nil {
				fmt.Fprintf(d.w, "registry: could not pull %s through: %v\n", done.Reference, done.Err)
			}
		},
	})
	if err != nil {
		return err
	}
	d.project = project.WithRegistry(d.registry.Addr())
	fmt.Fprintf(d.w, "registry %s stands in for Amazon ECR\n", d.registry.Addr())
	return nil
}

// buildAll runs the builds one after another and stops at the first failed build.
func (d *demo) buildAll(ctx context.Context) ([]build, error) {
	var builds []build
	for _, plan := range plans() {
		done, err := d.build(ctx, plan)
		if err != nil {
			return nil, err
		}
		builds = append(builds, done)
	}
	return builds, nil
}

// close stops the registry and removes the working directories.
func (d *demo) close() {
	if d.registry != nil {
		_ = d.registry.Close()
	}
	if d.options.keep {
		fmt.Fprintf(d.w, "kept: %s\n", d.dir)
		return
	}
	if err := os.RemoveAll(d.dir); err != nil {
		fmt.Fprintf(d.w, "demo: %v\n", err)
	}
}

func heading(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "\n━━ %s\n", fmt.Sprintf(format, args...))
}
