package flow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/report"
)

// inPlaceScript has the commands of buildPull, after the line that puts layercache in the place of docker.
const inPlaceScript = `PATH="$LINKS:$BUNDLE:$PATH"
layercache setup --docker
docker pull "$IMAGE" || true
docker build --cache-from "$IMAGE" --tag "$IMAGE" --network host --build-arg BUILDKIT_INLINE_CACHE=1 .
docker push "$IMAGE"
`

// packedBesideDockerd prepares the zip's folder, and starts an empty docker daemon.
func packedBesideDockerd(ctx context.Context, r *run) error {
	return errors.Join(packed(ctx, r), startDockerd(ctx, r))
}

// buildInPlace runs a buildspec of docker commands with layercache in the place of docker.
func buildInPlace(ctx context.Context, r *run) error {
	// The first folder of PATH is for the links of layercache setup --docker; the helper itself is in the second.
	links := r.path("links")
	if err := os.Mkdir(links, 0o755); err != nil {
		return err
	}
	r.env = append(r.env, "LINKS="+links, "BUNDLE="+r.machine.bundle, "IMAGE="+r.image())
	cmd := r.Command(ctx, "sh", "-ec", inPlaceScript)
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

// readReports reads the only report of the build, which is in a folder with the image's name.
func (r *run) readReports() error {
	found, err := filepath.Glob(filepath.Join(r.path("report"), "*", report.File))
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("bench: layercache docker wrote %d reports, expected one", len(found))
	}
	return r.readReport(filepath.Dir(found[0]))
}
