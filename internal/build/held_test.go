package build

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/progress"
)

func TestABuilderThatMayBeHeldUpIsAwaitedUntilAVertexBegins(t *testing.T) {
	now := time.Now()
	cases := []struct {
		name     string
		vertexes []progress.Vertex
		want     progress.Awaited
	}{
		{"nothing has been said", nil, awaitsBuilder},
		{"buildx has connected", []progress.Vertex{{Digest: "a", Name: "[internal] booting buildkit", Started: &now, Completed: &now}}, awaitsBuilder},
		{"a vertex waits", []progress.Vertex{{Digest: "b", Name: "[internal] load build definition from Dockerfile"}}, awaitsBuilder},
		{"a vertex has begun", []progress.Vertex{{Digest: "b", Name: "[internal] load build definition from Dockerfile", Started: &now}}, progress.AwaitsNothing},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			graph := progress.NewGraph()
			graph.Observe(progress.Event{Vertexes: c.vertexes})
			assert.Equal(t, c.want, (&watch{graph: graph, mayBeHeld: true}).look().awaited)
			assert.Equal(t, progress.AwaitsNothing, (&watch{graph: graph}).look().awaited, "any other builder takes its time")
		})
	}
}

func TestABuildWhoseResultStaysWithItsBuilderIsNotMoved(t *testing.T) {
	s := &session{builderKind: "mine"}
	args := buildx.ParseArgs([]string{"--builder", "mine", "--tag", "shop", "."})
	same, err := s.leaveBuilder(t.Context(), Request{}, args)
	require.ErrorContains(t, err, "the builder mine does nothing")
	require.ErrorContains(t, err, "neither --push, --load nor --output is given")
	assert.Equal(t, args, same)
}
