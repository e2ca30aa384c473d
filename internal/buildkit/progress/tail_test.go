package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAStepThatFailedHasTheEndOfItsOutput(t *testing.T) {
	started := time.Unix(1_770_000_000, 0)
	for name, c := range map[string]struct {
		output []string
		failed string
		want   string
	}{
		"output in pieces":              {[]string{"first\n", "last"}, "exit code: 1", "first\nlast"},
		"the output of a good step":     {[]string{"fine"}, "", ""},
		"one piece that is too long":    {[]string{strings.Repeat("a", 9000) + "end"}, "exit code: 1", strings.Repeat("a", maxTail-3) + "end"},
		"many pieces that are too long": {append(strings.Split(strings.Repeat("abcdefgh", 1000), ""), "end"), "exit code: 1", strings.Repeat("abcdefgh", 1000)[8000-maxTail+3:] + "end"},
		"no output":                     {nil, "exit code: 1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewGraph()
			vertex := Vertex{Digest: "sha256:1", Name: "[1/1] RUN make", Started: &started}
			g.Observe(Event{Vertexes: []Vertex{vertex}})
			for _, piece := range c.output {
				g.Observe(Event{Logs: []Log{{Vertex: "sha256:1", Data: []byte(piece)}, {Vertex: "sha256:unknown", Data: []byte("another")}}})
			}
			vertex.Completed, vertex.Error = &started, c.failed
			g.Observe(Event{Vertexes: []Vertex{vertex}})
			steps := g.Steps()
			require.Len(t, steps, 1)
			assert.Equal(t, c.want, steps[0].Tail)
		})
	}
}
