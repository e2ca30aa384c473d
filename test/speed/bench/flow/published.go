package flow

import (
	"context"
	"fmt"
	"time"
)

// buildPull follows
// https://aws.amazon.com/blogs/devops/reducing-docker-image-build-time-on-aws-codebuild-using-an-external-cache/
// with BuildKit, which reads a cache from an image only if the image was built with an inline cache.
func buildPull(ctx context.Context, r *run) error {
	return r.pullAndBuild(ctx, "1", "--build-arg", "BUILDKIT_INLINE_CACHE=1")
}

// buildClassic is the same with the classic builder, as in the article.
func buildClassic(ctx context.Context, r *run) error { return r.pullAndBuild(ctx, "0") }

func (r *run) pullAndBuild(ctx context.Context, buildkit string, flags ...string) error {
	r.env = append(r.env, "DOCKER_BUILDKIT="+buildkit)
	if err := r.docker(ctx, r.Log, "pull", r.image()); err != nil {
		fmt.Fprintln(r.Log, "|| true")
	}
	args := append([]string{"build", "--cache-from", r.image(), "--tag", r.image(), "--network", "host"}, flags...)
	if err := r.docker(ctx, r.Log, append(args, ".")...); err != nil {
		return err
	}
	return r.docker(ctx, r.Log, "push", r.image())
}

// buildWalkthrough follows the buildspec of https://github.com/ymd65536/CodebuildEcrCache: one tag for image
// and cache.
func buildWalkthrough(ctx context.Context, r *run) error {
	return r.loadAndPush(ctx, cached(r.image(), "image-manifest=true"))
}

// buildOwnTag is the same buildspec with a separate tag for the cache, which holds all steps.
func buildOwnTag(ctx context.Context, r *run) error {
	return r.loadAndPush(ctx, cached(r.Image+":cache", "mode=max,image-manifest=true"))
}

func (r *run) loadAndPush(ctx context.Context, cache []string) error {
	if err := r.create(ctx, "--driver-opt", "default-load=true"); err != nil {
		return err
	}
	args := append(append([]string{"build"}, cache...), "--tag", r.image(), "--builder=containerd", ".")
	if err := r.watched(ctx, "docker", args...); err != nil {
		return err
	}
	if err := r.docker(ctx, r.Log, "tag", r.image(), r.image()); err != nil {
		return err
	}
	return r.docker(ctx, r.Log, "push", r.image())
}

// buildPeer runs the commands of https://github.com/tmokmss/deploy-time-build.
func buildPeer(ctx context.Context, r *run) error {
	r.env = append(r.env, "DOCKER_CONFIG="+r.machine.docker)
	if err := r.create(ctx); err != nil {
		return err
	}
	args := append([]string{"build"}, cached(r.Image+":cache", "mode=max,image-manifest=true")...)
	return r.watched(ctx, "buildx", append(args, "--builder=containerd", "--push", "--tag", r.image(), ".")...)
}

// create starts a builder instead of the one that the docker-container driver would start in a container.
func (r *run) create(ctx context.Context, flags ...string) error {
	begin := time.Now()
	if err := r.bootBuildkitd(ctx); err != nil {
		return err
	}
	args := append([]string{"create", "--name", "containerd", "--driver=remote"}, flags...)
	err := r.command(ctx, r.Log, "buildx", append(args, r.builder)...)
	r.result.Parts["boot"] = time.Since(begin).Seconds()
	return err
}
