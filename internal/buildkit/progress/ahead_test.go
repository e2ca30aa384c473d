package progress

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStepsThatAreAheadInRecordedBuilds(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
	}{
		{"of a cold build all are", "cold", []string{run, compile}},
		{"of an unchanged build none is", "unchanged", nil},
		{"after a change only those are that run", "changed", []string{compile}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := os.Open(filepath.Join("testdata", c.stream+".rawjson"))
			require.NoError(t, err)
			defer file.Close()
			graph := NewGraph()
			var ahead []string
			require.NoError(t, Read(file, func(event Event) {
				graph.Observe(event)
				ahead = append(ahead, graph.Ahead(event, "RUN ")...)
			}, func([]byte) {}))
			assert.ElementsMatch(t, c.want, ahead)
		})
	}
}

func TestAStepIsAheadOnceLayersBelowItAreUnpacked(t *testing.T) {
	now := time.Now()
	base := Vertex{Digest: "from", Name: "[build 1/3] FROM base", Started: &now, Completed: &now}
	deps := Vertex{Digest: "deps", Name: "[build 2/3] RUN deps", Inputs: []string{"from"}, Cached: true, Started: &now, Completed: &now}
	compiling := Vertex{Digest: "compile", Name: "[build 3/3] RUN compile", Inputs: []string{"deps"}}
	cached := compiling
	cached.Cached, cached.Started, cached.Completed = true, &now, &now
	other := Vertex{Digest: "copy", Name: "[stage-1 2/2] COPY --from=build /out /", Inputs: []string{"deps"}}
	for _, c := range []struct {
		name     string
		vertexes []Vertex
		status   Status
		want     []string
	}{
		{"the step after them runs", []Vertex{base, deps, compiling}, Status{ID: "extracting sha256:1", Vertex: "deps"}, []string{"RUN compile"}},
		{"a download alone may be for an export", []Vertex{base, deps, compiling}, Status{ID: "sha256:1", Vertex: "deps"}, nil},
		{"another stage may need them", []Vertex{base, deps, compiling, other}, Status{ID: "extracting sha256:1", Vertex: "deps"}, nil},
		{"the step of another stage may need only some files", []Vertex{base, deps, other}, Status{ID: "extracting sha256:1", Vertex: "deps"}, nil},
		{"a cached step does not run", []Vertex{base, deps, cached}, Status{ID: "extracting sha256:1", Vertex: "deps"}, nil},
		{"the layers of the last step are for an export", []Vertex{base, deps, cached}, Status{ID: "extracting sha256:1", Vertex: "compile"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			graph := NewGraph()
			for _, event := range []Event{{Vertexes: c.vertexes}, {Statuses: []Status{c.status}}} {
				graph.Observe(event)
				ahead := graph.Ahead(event, "RUN ")
				if len(event.Statuses) > 0 {
					assert.Equal(t, c.want, ahead)
				} else {
					assert.Empty(t, ahead)
				}
			}
		})
	}
}
