package run

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/registry/throttle"
)

// seen is the change in one second: what the build waits for, the bytes transferred, and whether there was an event.
type seen struct {
	awaited progress.Awaited
	moved   int64
	event   bool
}

func TestOnlyWaitingUsesTheBudget(t *testing.T) {
	idle, importing, pulling := seen{awaited: progress.AwaitsNothing}, seen{awaited: progress.AwaitsImport}, seen{awaited: progress.AwaitsPull}
	repeated := func(n int, one seen) (list []seen) {
		for range n {
			list = append(list, one)
		}
		return list
	}
	cases := []struct {
		name    string
		looks   []seen
		hidden  bool
		stopped bool
	}{
		{"a build that does not wait may take any time", repeated(100, idle), false, false},
		{"an import without an answer", repeated(10, importing), false, true},
		{"an import that ends in time", append(repeated(9, importing), repeated(9, idle)...), false, false},
		{"waits add up", append(append(repeated(5, importing), idle), repeated(5, pulling)...), false, true},
		{"a pull at a kilobyte a second", repeated(10, seen{progress.AwaitsPull, 1024, true}), false, true},
		{"a pull at a megabyte a second", repeated(100, seen{progress.AwaitsPull, 1 << 20, true}), false, false},
		{"an export that cannot be seen has more time", repeated(299, seen{awaited: progress.AwaitsExport}), true, false},
		{"an export that cannot be seen has a limit", repeated(300, seen{awaited: progress.AwaitsExport}), true, true},
		{"every event of the stream restarts that limit", repeated(1000, seen{awaited: progress.AwaitsExport, event: true}), true, false},
		{"an import that cannot be seen has the usual time", repeated(10, importing), true, true},
		{"a stuck builder has the whole budget", repeated(9, seen{awaited: awaitsBuilder}), true, false},
		{"a stuck builder has no more than the budget", repeated(10, seen{awaited: awaitsBuilder}), true, true},
		{"time spent waiting for the cache does not count for a stuck builder", append(repeated(9, importing), repeated(9, seen{awaited: awaitsBuilder})...), true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &watch{budget: &waitBudget{total: 10 * time.Second}}
			before, stopped := view{visible: !c.hidden}, false
			for _, look := range c.looks {
				current := before
				current.awaited = look.awaited
				current.moved += look.moved
				if look.event {
					current.events++
				}
				stopped = w.exhausted(before, current, time.Second)
				before = current
			}
			assert.Equal(t, c.stopped, stopped)
		})
	}
}

func TestAThrottledImportEndsTheCall(t *testing.T) {
	const throttles = "unexpected status from HEAD request to https://r.example/v2/c/manifests/m: 429 Too Many Requests"
	cases := []struct {
		name, vertex, problem string
		left                  time.Duration
		ends                  bool
	}{
		{"an import that is throttled", "importing cache manifest from r.example/c:m", throttles, time.Second, true},
		{"no time is left to wait", "importing cache manifest from r.example/c:m", throttles, 0, false},
		{"an import that is refused", "importing cache manifest from r.example/c:m", "403 Forbidden", time.Second, false},
		{"an import that succeeds", "importing cache manifest from r.example/c:m", "", time.Second, false},
		{"an export, which ends with the build", "exporting cache to registry", throttles, time.Second, false},
		{"a step that names the error", "[build 1/2] RUN make", throttles, time.Second, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, interrupt := context.WithCancelCause(t.Context())
			w := &watch{budget: &waitBudget{total: c.left}, interrupt: interrupt, graph: progress.NewGraph()}
			w.eventHandler(w.graph.Observe)(progress.Event{Vertexes: []progress.Vertex{{Digest: "a", Name: c.vertex, Error: c.problem}}})
			assert.Equal(t, c.ends, ctx.Err() != nil)
			assert.Equal(t, c.ends, w.throttled != "")
		})
	}
}

func TestWhatBuildKitWaitsForAThrottledRequestIsCounted(t *testing.T) {
	const throttles, fails = "error: https://r.example/v2/c/blobs/x: 503 Service Unavailable\n", "error: short read: unexpected EOF\n"
	cases := []struct {
		name    string
		vertex  progress.Vertex
		lines   []string
		waited  float64
		retried bool
	}{
		{"a cached layer", progress.Vertex{Name: "[build 1/2] RUN make", Cached: true}, []string{throttles, "retrying in 1s\n"}, 1, true},
		{"an export", progress.Vertex{Name: "exporting cache to registry"}, []string{throttles, "retrying in 4s\n"}, 4, true},
		{"the push of the image, which is not an error of the cache", progress.Vertex{Name: "exporting to image"}, []string{throttles, "retrying in 2s\n"}, 2, false},
		{"another error", progress.Vertex{Name: "exporting cache to registry"}, []string{fails, "retrying in 1s\n"}, 0, true},
		{"the output of a step", progress.Vertex{Name: "[build 1/2] RUN make"}, []string{throttles, "retrying in 1s\n"}, 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &watch{budget: &waitBudget{total: time.Second}, graph: progress.NewGraph(), waits: &throttle.Waits{}}
			c.vertex.Digest = "a"
			event := progress.Event{Vertexes: []progress.Vertex{c.vertex}}
			for _, line := range c.lines {
				event.Logs = append(event.Logs, progress.Log{Vertex: "a", Data: []byte(line)})
			}
			w.eventHandler(w.graph.Observe)(event)
			assert.InDelta(t, c.waited, w.waits.Total().Seconds(), 0.1)
			assert.Equal(t, c.retried, w.retriedError != "")
		})
	}
}
