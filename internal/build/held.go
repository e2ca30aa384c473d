package build

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/builder"
	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/settings"
)

// awaitsBuilder stands for a builder that does nothing at all. BuildKit's import has no end and cannot be interrupted, and the
// one scheduler of a buildkitd waits with it: after a cache that fell silent, no build goes on there, with a cache or without.
// A builder of our own is replaced by another; one that others gave us is theirs.
//
// https://github.com/moby/buildkit/blob/v0.33.0/solver/llbsolver/bridge.go
const awaitsBuilder progress.Awaited = "builder"

// begun says that the builder has done something for the build: the scheduler that is held up lets no vertex begin. Those
// that are left out are buildx's own.
func begun(graph *progress.Graph) bool {
	for _, node := range graph.Nodes() {
		buildxs := strings.HasPrefix(node.Name, "[internal] booting ") || strings.HasPrefix(node.Name, "[internal] waiting for ")
		if node.Started != nil && !buildxs {
			return true
		}
	}
	return false
}

// leaveBuilder has the build go on with a builder of our own, in place of one that is held up. An error says that it cannot.
func (s *session) leaveBuilder(ctx context.Context, request Request, args buildx.Args) (buildx.Args, error) {
	moved, leaves := args.OnAnyBuilder()
	if !leaves {
		return args, s.heldUp(errors.New("the image would stay with another builder: neither --push, --load nor --output is given"))
	}
	env := append(s.env, "BUILDX_CONFIG="+filepath.Join(s.dir, "buildx"))
	var problems []string
	for _, kind := range []string{settings.BuilderNative, settings.BuilderContainer} {
		b, err := builder.Start(ctx, builder.Options{
			Kind: kind, Mirrors: request.Settings.Mirrors, Parallelism: request.Settings.Parallelism,
			PlainHTTP: request.PlainHTTP, Buildx: s.client, Env: env, NoHistory: !readsHistory(args), S3: request.Settings.Mode == settings.ModeS3,
		})
		if err != nil {
			problems = append(problems, strings.TrimPrefix(err.Error(), "no builder can run here:\n"))
			continue
		}
		b.Reason = "in place of " + s.builderKind + ", which an import of the cache holds up"
		b.Describe(request.stderrOf())
		s.env, s.builder, s.builderName, s.mayBeHeld = env, b, b.Name, false
		s.builderKind, s.builderReason, s.exportsCache = b.Kind, b.Reason, b.ExportsCache
		return moved, nil
	}
	return args, s.heldUp(errors.New(strings.Join(problems, "; ")))
}

// heldUp is the error of a build that cannot go on: no other builder can take its place.
func (s *session) heldUp(err error) error {
	return fmt.Errorf("the builder %s does nothing: the cache that it reads fell silent, and BuildKit can neither interrupt that nor build anything meanwhile; "+
		"no other builder can do the build (%w): restart that builder, and set LAYERCACHE_MODE=off for as long as the cache's registry does not answer", s.builderKind, err)
}
