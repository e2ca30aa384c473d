package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// The commands of published buildspecs. Steps use the host's network, because dockerd has no bridge here.
const (
	pullScript = `docker pull "$IMAGE" || true
docker build --cache-from "$IMAGE" --tag "$IMAGE" --network host --build-arg BUILDKIT_INLINE_CACHE=1 .
docker push "$IMAGE"
`
	walkthroughScript = `docker buildx create --name containerd --driver=docker-container --driver-opt default-load=true
docker build --cache-from "type=registry,ref=$CACHE" --cache-to "type=registry,ref=$CACHE,mode=max,image-manifest=true" \
	--tag "$IMAGE" --builder=containerd .
docker tag "$IMAGE" "$IMAGE"
docker push "$IMAGE"
`
	composeScript = `docker compose --file "$COMPOSE" build
docker compose --file "$COMPOSE" push
`
)

// composeFile is the file of Compose with one service.
const composeFile = `name: bench
services:
  app:
    image: %[1]s
    build:
      context: %[2]s
      network: host
      cache_from: ["%[1]s"]
      args: {BUILDKIT_INLINE_CACHE: "1"}
`

// packedBesideDockerd prepares the zip's folder, and starts an empty docker daemon.
func packedBesideDockerd(ctx context.Context, r *run) error {
	return errors.Join(packed(ctx, r), startDockerd(ctx, r))
}

// buildCompose runs the commands of Compose with docker.
func buildCompose(ctx context.Context, r *run) error {
	if err := r.describe(); err != nil {
		return err
	}
	return r.command(ctx, r.Log, "sh", "-ec", composeScript)
}

// describe writes the file of Compose, and sets the variables of the scripts.
func (r *run) describe() error {
	file := r.path("compose.yaml")
	r.env = append(r.env, "IMAGE="+r.image(), "CACHE="+r.Image+":cache", "COMPOSE="+file)
	return os.WriteFile(file, fmt.Appendf(nil, composeFile, r.image(), r.Context), 0o600)
}

// inPlaceOfDocker returns a build that runs a script after the line that puts layercache in the place of docker.
func inPlaceOfDocker(script string) func(context.Context, *run) error {
	return func(ctx context.Context, r *run) error {
		if err := r.describe(); err != nil {
			return err
		}
		// The first folder of PATH is for the links of layercache setup --docker; the helper itself is in the second.
		links, state := r.path("links"), r.path("layercache")
		if err := errors.Join(os.Mkdir(links, 0o755), os.Mkdir(state, 0o700)); err != nil {
			return err
		}
		cmd := r.Command(ctx, "sh", "-ec", `PATH="$LINKS:$BUNDLE:$PATH"; layercache setup --docker; `+script)
		cmd.Env = append(r.env, "LINKS="+links, "BUNDLE="+r.machine.bundle, "LAYERCACHE_REPOSITORY="+r.Cache,
			"LAYERCACHE_BRANCH="+r.Branch, "LAYERCACHE_REPORT_DIR="+r.path("report"))
		cmd.Dir = r.Context
		last := &tail{}
		cmd.Stdout = io.MultiWriter(r.Log, last)
		cmd.Stderr = cmd.Stdout
		ownGroup(cmd)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 30 * time.Second
		if err := startOver(cmd, state, "/var/lib/layercache"); err != nil {
			return err
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("layercache docker: %w\n%s", err, last)
		}
		r.afterwards = func() error { return errors.Join(r.readReports(), removed(ctx, state)) }
		return nil
	}
}

// readReports reads the only report of the build, which is in a folder with the image's name.
func (r *run) readReports() error {
	found, err := filepath.Glob(r.path("report") + "/*/report.json")
	if err != nil || len(found) != 1 {
		return fmt.Errorf("bench: %d reports of layercache docker in %s: %w", len(found), r.path("report"), err)
	}
	return r.readReport(filepath.Dir(found[0]))
}
