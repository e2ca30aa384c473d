package flow

import (
	"context"
	"errors"
	"os"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

// progressFile has the progress of the newest build.
const progressFile = "progress.json"

// watched runs a buildx build with its progress as JSON, and records the time that the cache's import and
// export added.
func (r *run) watched(ctx context.Context, program string, args ...string) error {
	r.env = append(r.env, "BUILDKIT_PROGRESS=rawjson")
	stream, err := os.Create(r.path(progressFile))
	if err != nil {
		return err
	}
	r.afterwards = r.readProgress
	return errors.Join(r.command(ctx, stream, program, args...), stream.Close())
}

func (r *run) readProgress() error {
	stream, err := os.Open(r.path(progressFile))
	if err != nil {
		return err
	}
	defer stream.Close()
	graph := progress.NewGraph()
	if err := progress.Read(stream, graph.Observe, func([]byte) {}); err != nil {
		return err
	}
	timing := graph.Timing()
	r.result.Parts["import"], r.result.Parts["export"] = timing.Import, timing.Export
	for _, step := range graph.Steps() {
		if step.Ran && !step.Cached && !step.IsFrom() {
			r.result.StepsRun++
		}
	}
	return nil
}
