package flow

import (
	"context"
	"slices"
)

// buildNone builds and pushes on the running builder.
func buildNone(ctx context.Context, r *run) error { return r.buildx(ctx) }

// buildGzip uses a registry cache with BuildKit's default compression.
func buildGzip(ctx context.Context, r *run) error {
	return r.buildx(ctx, cached(r.Cache+":cache", "mode=max,image-manifest=true,oci-mediatypes=true")...)
}

// buildByHand uses the same flags as layercache.
func buildByHand(ctx context.Context, r *run) error {
	return r.buildx(ctx, cached(r.Cache+":cache", "image-manifest=true,oci-mediatypes=true,mode=max,ignore-error=true,compression=zstd,compression-level=1")...)
}

// buildx builds and pushes with buildx directly, which docker would only call.
func (r *run) buildx(ctx context.Context, flags ...string) error {
	args := slices.Concat([]string{"build", "--progress=rawjson", "--builder", "bench"}, flags, []string{"--push", "--tag", r.image(), "."})
	return r.watched(ctx, "buildx", args...)
}

// cached returns the flags of a registry cache that is read and written under one name.
func cached(ref, how string) []string {
	return []string{"--cache-from", "type=registry,ref=" + ref, "--cache-to", "type=registry,ref=" + ref + "," + how}
}
