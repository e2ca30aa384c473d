package flow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/test/speed/bench/workload"
)

// buildMountsOff is the helper that leaves cache mounts as BuildKit makes them: empty on a new builder.
func buildMountsOff(ctx context.Context, r *run) error {
	r.env = append(r.env, "LAYERCACHE_MOUNTS=off")
	return buildLayercache(ctx, r)
}

// startWarm starts a builder that has built the application's first revision.
func startWarm(ctx context.Context, r *run) error {
	if err := startBuildkitd(ctx, r); err != nil {
		return err
	}
	return r.buildx(ctx)
}

// buildCopied copies every cache mount in before the build and out after it, each with a build of its own, as
// https://github.com/reproducible-containers/buildkit-cache-dance does.
func buildCopied(ctx context.Context, r *run) error {
	mounts, err := workload.Mounts(r.Context)
	if err != nil {
		return err
	}
	dir, saved := r.path("copies"), r.Cache+":copied-mounts"
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if r.command(ctx, r.Log, "buildx", "imagetools", "inspect", "--raw", saved) == nil {
		if err := r.copyBuild(ctx, dir, copying(saved, mounts, true), "--output", "type=cacheonly"); err != nil {
			return err
		}
	}
	if err := buildByHand(ctx, r); err != nil {
		return err
	}
	return r.copyBuild(ctx, dir, copying(r.Small, mounts, false),
		"--output", "type=image,name="+saved+",push=true,compression=zstd,compression-level=1,oci-mediatypes=true")
}

// copying returns a Dockerfile that copies the files of each mount into the mount, or from it into the image.
func copying(image string, mounts []workload.Mount, in bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "FROM %s\n", image)
	for i, m := range mounts {
		from, to := m.Target, fmt.Sprintf("/saved/%d", i)
		if in {
			from, to = to, from
		}
		fmt.Fprintf(&b, "RUN --mount=%s mkdir -p %s && cp -p -R %s/. %s/\n", m.Flag, to, from, to)
	}
	return b.String()
}

func (r *run) copyBuild(ctx context.Context, dir, dockerfile string, flags ...string) error {
	file := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(file, []byte(dockerfile), 0o600); err != nil {
		return err
	}
	return r.command(ctx, r.Log, "buildx", append(append([]string{"build", "--builder", "bench", "--file", file}, flags...), dir)...)
}
