package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// targetEvents returns one event for each vertex: its digest, its name, and whether it was cached.
func targetEvents(vertices ...Vertex) []Event {
	start, end := time.Unix(100, 0), time.Unix(102, 0)
	var events []Event
	for _, vertex := range vertices {
		vertex.Started, vertex.Completed = &start, &end
		events = append(events, Event{Vertexes: []Vertex{vertex}})
	}
	return events
}

func observed(names []string, events []Event) *Targets {
	targets := NewTargets(names)
	for _, event := range events {
		targets.All.Observe(targets.Split(event))
	}
	return targets
}

func TestTargetNamesAreCutOff(t *testing.T) {
	targets := observed([]string{"api", "api-web", "internal"}, targetEvents(
		Vertex{Digest: "1", Name: "[internal] load local bake definitions"},
		Vertex{Digest: "2", Name: "[api internal] load .dockerignore"},
		Vertex{Digest: "3", Name: "[api linux/arm64 build 1/2] RUN make"},
		Vertex{Digest: "4", Name: "[api-web] importing cache manifest from h/c:web"},
		Vertex{Digest: "5", Name: "[api-web 1/2] RUN [x] y"},
		Vertex{Digest: "6", Name: "[other] exporting to image"},
	))
	name := func(graph *Graph) (names []string) {
		for _, node := range graph.Nodes() {
			names = append(names, node.Name)
		}
		return names
	}
	assert.Equal(t, []string{"[internal] load .dockerignore", "[linux/arm64 build 1/2] RUN make"}, name(targets.Graph("api")))
	assert.Equal(t, []string{"importing cache manifest from h/c:web", "[1/2] RUN [x] y"}, name(targets.Graph("api-web")))
	assert.Len(t, targets.All.Nodes(), 6)
	assert.Equal(t, "h/c:web", targets.Graph("api-web").Imports()[0].Ref)
	assert.Len(t, observed([]string{"only"}, targetEvents(Vertex{Digest: "1", Name: "[build 1/2] RUN x"})).Steps("only", nil), 1, "a single target has no prefix")
}

func TestASharedStep(t *testing.T) {
	shared := func(target, digest string, cached bool) Vertex {
		return Vertex{Digest: digest, Name: "[" + target + " base 2/2] RUN make", Cached: cached}
	}
	for _, c := range []struct {
		name     string
		vertices []Vertex
		same     []string
		ran      bool
	}{
		{"one vertex that ran", []Vertex{shared("api", "1", false), shared("web", "1", false)}, nil, true},
		{"one vertex, which the builder had when the second target asked for it", []Vertex{shared("api", "1", false), shared("web", "1", true)}, nil, true},
		{"two vertices that BuildKit merged", []Vertex{shared("api", "1", false), shared("api", "2", true), shared("web", "1", false), shared("web", "2", true)}, nil, true},
		{"two vertices of one Dockerfile", []Vertex{shared("api", "1", false), shared("web", "2", true)}, []string{"api"}, true},
		{"the same text in another Dockerfile", []Vertex{shared("api", "1", false), shared("web", "2", true)}, nil, false},
		{"cached for both", []Vertex{shared("api", "1", true), shared("web", "1", true)}, []string{"api"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps := observed([]string{"api", "web"}, targetEvents(c.vertices...)).Steps("web", c.same)
			if assert.Len(t, steps, 1) {
				assert.Equal(t, c.ran, steps[0].Ran)
				assert.Equal(t, !c.ran, steps[0].Cached)
			}
		})
	}
}

func TestInputsOfMergedSteps(t *testing.T) {
	targets := observed([]string{"api", "web"}, targetEvents(
		Vertex{Digest: "1", Name: "[api base 1/3] COPY a ."},
		Vertex{Digest: "2", Name: "[api base 1/3] COPY a .", Cached: true},
		Vertex{Digest: "3", Name: "[api base 2/3] RUN make", Inputs: []string{"1"}},
		Vertex{Digest: "4", Name: "[api base 2/3] RUN make", Inputs: []string{"2"}, Cached: true},
		Vertex{Digest: "5", Name: "[api base 3/3] RUN test", Inputs: []string{"4"}},
	))
	steps := targets.Steps("api", nil)
	assert.Len(t, steps, 3)
	assert.Equal(t, []int{0}, steps[1].Inputs)
	assert.Equal(t, []int{1}, steps[2].Inputs)
	assert.Equal(t, 2*time.Second, targets.Span("api").End.Sub(targets.Span("api").Start))
	assert.Zero(t, targets.Span("web"))
}

func TestWhetherATargetWasExported(t *testing.T) {
	end := time.Unix(103, 0)
	export := targetEvents(Vertex{Digest: "1", Name: "[api] exporting to image"})
	pushed := append(export, Event{Statuses: []Status{{ID: "pushing manifest for h/api:1@sha256:0", Vertex: "1", Completed: &end}}})
	failed := append(pushed, targetEvents(Vertex{Digest: "2", Name: "[api 1/1] RUN x", Error: "exit code: 1"})...)
	for _, c := range []struct {
		name           string
		events         []Event
		pushes, expect bool
	}{
		{"nothing", nil, false, false},
		{"an image that stays in the builder", export, false, true},
		{"an image that is not pushed yet", export, true, false},
		{"an image that was pushed", pushed, true, true},
		{"a step failed", failed, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.expect, observed([]string{"api", "web"}, c.events).Graph("api").HasExported(c.pushes))
		})
	}
}
