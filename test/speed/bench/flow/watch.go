package flow

import (
	"context"
	"os"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

// watched runs a buildx build with its progress as JSON, and records the time that the cache's import and
// export added.
func (r *run) watched(ctx context.Context, program string, args ...string) error {
	r.env = append(r.env, "BUILDKIT_PROGRESS=rawjson")
	stream, err := os.Create(r.path("progress.json"))
	if err != nil {
		return err
	}
	if err := r.command(ctx, stream, program, args...); err != nil {
		_ = stream.Close()
		return err
	}
	r.afterwards = func() error { return r.readProgress(stream) }
	return nil
}

func (r *run) readProgress(stream *os.File) error {
	defer stream.Close()
	if _, err := stream.Seek(0, 0); err != nil {
		return err
	}
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
