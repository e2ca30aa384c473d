package flow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/report"
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

// composeFile is a Compose file with one service.
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
	r.env = append(r.env, "DOCKER_CONFIG="+r.machine.compose)
	return r.command(ctx, r.Log, "sh", "-ec", composeScript)
}

// describe writes the Compose file, and sets the variables of the scripts.
func (r *run) describe() error {
	file := r.path("compose.yaml")
	r.env = append(r.env, "IMAGE="+r.image(), "CACHE="+r.Image+":cache", "COMPOSE="+file)
	return os.WriteFile(file, fmt.Appendf(nil, composeFile, r.image(), r.Context), 0o600)
}

// inPlace returns a build that runs the commands of a buildspec after the line that puts layercache in the place of docker.
func inPlace(script string) func(context.Context, *run) error {
	return func(ctx context.Context, r *run) error {
		// The first folder of PATH is for the links of layercache setup --docker; the helper itself is in the second.
		links := r.path("links")
		if err := errors.Join(r.describe(), os.Mkdir(links, 0o755)); err != nil {
			return err
		}
		r.env = append(r.env, "LINKS="+links, "BUNDLE="+r.machine.bundle, "DOCKER_CONFIG="+r.machine.compose)
		cmd := r.Command(ctx, "sh", "-ec", `PATH="$LINKS:$BUNDLE:$PATH"; layercache setup --docker; `+script)
		state, last, err := r.startHelper(cmd)
		if err != nil {
			return err
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("layercache docker: %w\n%s", err, last)
		}
		r.afterwards = func() error { return errors.Join(r.readReports(), removed(ctx, state)) }
		return nil
	}
}

// readReports reads the only report of the build: that of Compose, or the one in a folder with the image's name.
func (r *run) readReports() error {
	var found []string
	for _, pattern := range []string{report.File, filepath.Join("*", report.File)} {
		matches, err := filepath.Glob(filepath.Join(r.path("report"), pattern))
		if err != nil {
			return err
		}
		found = append(found, matches...)
	}
	if len(found) != 1 {
		return fmt.Errorf("bench: layercache docker wrote %d reports, expected one: %v", len(found), found)
	}
	return r.readReport(filepath.Dir(found[0]))
}
