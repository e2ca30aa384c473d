package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// These functions return a vertex in a state.
func waiting(name string, inputs ...string) Vertex {
	return Vertex{Digest: name, Name: name, Inputs: inputs}
}

func running(name string, inputs ...string) Vertex {
	v := waiting(name, inputs...)
	v.Started = &time.Time{}
	return v
}

func done(name string, inputs ...string) Vertex {
	v := running(name, inputs...)
	v.Completed = &time.Time{}
	return v
}

func cached(v Vertex) Vertex {
	v.Cached = true
	return v
}

// layer returns the status of a layer's download for a vertex, with the bytes so far.
func layer(vertex string, bytes int64, complete bool) Status {
	s := Status{ID: "sha256:1", Vertex: vertex, Current: bytes, Started: &time.Time{}}
	if complete {
		s.Completed = &time.Time{}
	}
	return s
}

const (
	importing = "importing cache manifest from host/cache:main"
	exporting = "exporting cache to registry"
	step      = "[build 2/3] RUN make"
	later     = "[build 3/3] COPY src ."
	other     = "[test 1/1] RUN sleep 60"
	push      = "exporting to image"
)

func TestAwaited(t *testing.T) {
	cases := []struct {
		name     string
		vertexes []Vertex
		statuses []Status
		want     Awaited
	}{
		{"nothing has started", []Vertex{waiting(step)}, nil, AwaitsNothing},
		{"a cache is imported", []Vertex{running(importing), waiting(step)}, nil, AwaitsImport},
		{"a cache is imported while the context is sent", []Vertex{running(importing), running("[internal] load build context")}, nil, AwaitsNothing},
		{"a cache has been imported", []Vertex{done(importing), running(step)}, nil, AwaitsNothing},
		{"a layer of a cached step is downloaded", []Vertex{cached(running(step))}, []Status{layer(step, 0, false)}, AwaitsPull},
		{"a layer is downloaded for a step that has ended", []Vertex{cached(done(step))}, []Status{layer(step, 0, false)}, AwaitsPull},
		{"a step waits for the layer", []Vertex{cached(running(step)), running(later, step)}, []Status{layer(step, 0, false)}, AwaitsPull},
		{"a step waits indirectly for the layer", []Vertex{cached(running(step)), waiting("between", step), running(later, "between")}, []Status{layer(step, 0, false)}, AwaitsPull},
		{"another step runs meanwhile", []Vertex{cached(running(step)), running(other)}, []Status{layer(step, 0, false)}, AwaitsNothing},
		{"the layer has arrived", []Vertex{cached(running(step)), running(later, step)}, []Status{layer(step, 9, true)}, AwaitsNothing},
		{"a layer of a base image is downloaded", []Vertex{running(step)}, []Status{layer(step, 0, false)}, AwaitsNothing},
		{"a layer is downloaded for the push", []Vertex{cached(done(step)), running(push)}, []Status{layer(step, 0, false)}, AwaitsPull},
		{"the image is pushed", []Vertex{done(step), running(push)}, nil, AwaitsNothing},
		{"the cache is exported during the push", []Vertex{running(push), running(exporting)}, nil, AwaitsNothing},
		{"the cache is exported", []Vertex{done(push), running(exporting)}, nil, AwaitsExport},
		{"all is done", []Vertex{done(push), done(exporting)}, nil, AwaitsNothing},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			graph := NewGraph()
			graph.Observe(Event{Vertexes: c.vertexes, Statuses: c.statuses})
			assert.Equal(t, c.want, graph.Awaited())
		})
	}
}

func TestFetchedReturnsOnlyLayersOfCachedSteps(t *testing.T) {
	graph := NewGraph()
	graph.Observe(Event{Vertexes: []Vertex{cached(done(step)), done(other)}, Statuses: []Status{layer(step, 7, true), layer(other, 9, false)}})
	layers, complete, bytes := graph.Fetched()
	assert.Equal(t, []string{"sha256:1"}, layers)
	assert.True(t, complete)
	assert.EqualValues(t, 7, bytes)
}

func TestFailuresAreOnlyThoseThatFailTheBuild(t *testing.T) {
	failed := func(v Vertex, problem string) Vertex {
		v.Error = problem
		return v
	}
	graph := NewGraph()
	graph.Observe(Event{Vertexes: []Vertex{
		failed(done(importing), "not found"), failed(done(exporting), "denied"), failed(done(step), "exit code: 1"), done(later),
	}})
	assert.Equal(t, []string{"exit code: 1"}, graph.Failures())
	assert.True(t, graph.IsCacheWork(exporting))
	assert.True(t, graph.IsCacheWork(importing))
	assert.False(t, graph.IsCacheWork(step))
	assert.False(t, graph.IsCacheWork("an unknown digest"))
}
