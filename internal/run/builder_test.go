package run

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/progress"
)

func TestTheWatchWaitsForABuilderThatMayBeStuckUntilAVertexStarts(t *testing.T) {
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
			assert.Equal(t, c.want, (&watch{graph: graph, mayBeStuck: true}).look().awaited)
			assert.Equal(t, progress.AwaitsNothing, (&watch{graph: graph}).look().awaited, "any other builder takes its time")
		})
	}
}

func TestABuildWhoseResultStaysInItsBuilderIsNotMoved(t *testing.T) {
	args := buildx.ParseArgs([]string{"--builder", "mine", "--tag", "shop", "."})
	b := &build{args: args, builder: activeBuilder{kind: "mine"}}
	err := b.leaveBuilder(t.Context())
	require.ErrorContains(t, err, "builder mine is stuck")
	require.ErrorContains(t, err, "neither --push, --load nor --output is set")
	assert.Equal(t, args, b.args)
}

// Otherwise a private Docker configuration would change where buildx looks for its builders.
func TestABuilderNamedByTheCallerIsSearchedInTheUsersFolder(t *testing.T) {
	t.Setenv("BUILDX_CONFIG", "")
	t.Setenv("DOCKER_CONFIG", "/etc/docker-config")
	b, err := startBuilder(t.Context(), builderOptions{named: "mine", dir: t.TempDir()})
	require.NoError(t, err)
	assert.Equal(t, []string{"BUILDX_CONFIG=/etc/docker-config/buildx"}, b.env)
}

func TestTheReasonsOfSeveralBuildersAreOnOneLine(t *testing.T) {
	noBuilder := func(reason string) error {
		return fmt.Errorf("start: %w", &builder.NoBuilderError{Reasons: []error{errors.New(reason)}})
	}
	problems := append(reasons(noBuilder("native builder: first\nsecond")), reasons(noBuilder("container builder: third"))...)
	problems = append(problems, reasons(errors.New("fourth"))...)
	assert.Equal(t, "native builder: first; second; container builder: third; fourth", builder.OneLine(errors.Join(problems...)))
}
