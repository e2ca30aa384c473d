//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/test/kit/checkout"
)

// buildImage returns the environment of a build image like CodeBuild's: an empty home folder, and buildx on
// PATH.
func (d *deployment) buildImage(ctx context.Context) ([]string, error) {
	home, tools := filepath.Join(d.dir, "home"), filepath.Join(d.dir, "tools")
	for _, folder := range []string{home, tools, filepath.Join(d.dir, "builds")} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return nil, fmt.Errorf("deploy: %w", err)
		}
	}
	buildx, err := toolchain.Build(ctx, toolchain.Buildx(), toolchain.Host(), d.w)
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(buildx, filepath.Join(tools, "buildx")); err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	return []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + tools + ":" + os.Getenv("PATH")}, nil
}

// build starts the project twice as a user does, and checks that the second build takes everything from the
// cache of the first.
func (d *deployment) build(ctx context.Context) error {
	program := filepath.Join(d.dir, "layercache")
	compile := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "./bin/layercache")
	compile.Dir = checkout.Dir()
	if output, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("deploy: compile ./bin/layercache: %w; output:\n%s", err, output)
	}
	environ, err := d.aws.Environ(ctx, d.project.Account, d.project.Region)
	if err != nil {
		return err
	}
	for _, verdict := range []string{"cold", "used"} {
		fmt.Fprintf(d.w, "\nlayercache start %s --follow\n", d.project.Name)
		var stderr strings.Builder
		start := exec.CommandContext(ctx, program, "start", d.project.Name, "--follow")
		start.Env = append(environ, "AWS_ENDPOINT_URL="+d.builds.Endpoint)
		start.Stdout, start.Stderr = d.w, &stderr
		err := start.Run()
		fmt.Fprint(d.w, stderr.String())
		if err != nil {
			return fmt.Errorf("deploy: the build failed: %w", err)
		}
		if !strings.Contains(stderr.String(), "verdict "+verdict) {
			return fmt.Errorf("deploy: the build's verdict is not %q: %s", verdict, stderr.String())
		}
		fmt.Fprintf(d.w, "verified: the build succeeded, and its verdict is %q\n", verdict)
	}
	return nil
}

// explain prints how to inspect the running deployment.
func (d *deployment) explain() {
	config, err := d.aws.Environ(context.Background(), d.project.Account, d.project.Region)
	if err != nil {
		fmt.Fprintln(d.w, err)
		return
	}
	fmt.Fprint(d.w, "\nThe deployment keeps running until Ctrl-C. In another terminal:\n\n")
	for _, entry := range config {
		if name, value, _ := strings.Cut(entry, "="); slices.Contains([]string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}, name) {
			fmt.Fprintf(d.w, "  export %s='%s'\n", name, value)
		}
	}
	fmt.Fprintf(d.w, `  export AWS_ENDPOINT_URL=%s

  aws cloudformation describe-stacks
  aws ecr describe-repositories
  aws codebuild batch-get-projects --names %s
  go run ./bin/layercache start %s --set LAYERCACHE_REFRESH=true --follow
`, d.builds.Endpoint, d.project.Name, d.project.Name)
}
