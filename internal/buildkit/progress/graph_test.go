package progress

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// load reads a stream that was recorded with buildx v0.37.1 and buildkitd v0.33.0.
func load(t *testing.T, name string) (*Graph, string) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".rawjson"))
	require.NoError(t, err)
	defer file.Close()
	graph := NewGraph()
	var text strings.Builder
	require.NoError(t, Read(file, graph.Observe, func(line []byte) { text.Write(line) }))
	return graph, text.String()
}

// The steps of the recorded builds' Dockerfile.
const (
	workdir = "WORKDIR /app"
	deps    = "COPY deps.txt ."
	run     = "RUN sleep 1; dd if=/dev/urandom of=/app/lib bs=1M count=20 2>/dev/null; echo deps"
	source  = "COPY src src"
	compile = "RUN cat src/a.txt; sleep 1; echo built > /app/out"
	library = "COPY --from=deps --link /app/lib /app/lib"
	output  = "COPY --from=deps --link /app/out /app/out"
)

func TestRecordedBuilds(t *testing.T) {
	cases := []struct {
		name        string
		stream      string
		ran, cached []string
		exported    bool
		exportFails string
		importFails string
	}{
		{
			name: "a cold build runs every step and finds no cache", stream: "cold",
			ran: []string{workdir, deps, run, source, compile, library, output}, exported: true, importFails: "not found",
		},
		{
			name: "an unchanged build takes every step from the cache", stream: "unchanged",
			cached: []string{workdir, deps, run, source, compile, library, output}, exported: true,
		},
		{
			name: "after a change the step that copies the source runs, and those after it", stream: "changed",
			cached: []string{workdir, deps, run, library, output}, ran: []string{source, compile}, exported: true,
		},
		{
			name: "an image in place of the cache causes no hit and no error", stream: "overwritten",
			ran: []string{workdir, deps, run, source, compile, library, output},
		},
		{
			name: "if the registry is down import and export fail and every step runs", stream: "registry-down",
			ran:      []string{workdir, deps, run, source, compile, library, output},
			exported: true, importFails: "connection refused", exportFails: "connection refused",
		},
		{
			name: "a failing step ends the build before the next steps", stream: "failing",
			ran: []string{"RUN echo before", "RUN echo no; exit 7"},
		},
		{
			name: "a heredoc is one step, like each instruction of every stage", stream: "heredoc",
			ran: []string{
				"RUN <<EOF (echo first...)", "RUN --mount=type=cache,target=/c echo cached",
				"WORKDIR /x", "COPY --from=one /bin/sh /one", "COPY --from=two /bin/sh /two",
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			graph, _ := load(t, c.stream)
			var ran, cached []string
			for _, step := range graph.Steps() {
				switch {
				case step.IsFrom():
				case step.Cached:
					cached = append(cached, step.Instruction)
				case step.Ran:
					ran = append(ran, step.Instruction)
				}
			}
			assert.ElementsMatch(t, c.ran, ran, "steps that ran")
			assert.ElementsMatch(t, c.cached, cached, "steps from the cache")
			export := graph.Export()
			assert.Equal(t, c.exported, export.Attempted, "cache export")
			assert.Contains(t, export.Error, c.exportFails)
			assert.Equal(t, c.exportFails == "", export.Error == "")
			for _, attempt := range graph.Imports() {
				assert.Contains(t, attempt.Error, c.importFails)
				assert.Equal(t, c.importFails == "", attempt.Error == "")
			}
		})
	}
}

func TestAStageComesAfterThoseThatItCopiesFrom(t *testing.T) {
	for stream, want := range map[string][]string{"changed": {"deps", "stage-1"}, "cold": {"deps", "stage-1"}, "heredoc": {"one", "two", "stage-2"}} {
		graph, _ := load(t, stream)
		var stages []string
		for _, step := range graph.Steps() {
			stages = append(stages, step.Stage)
		}
		assert.Equal(t, want, slices.Compact(stages), stream)
	}
}

func TestStepsAreInTheOrderOfTheDockerfile(t *testing.T) {
	graph, _ := load(t, "changed")
	last := map[string]int{}
	for _, step := range graph.Steps() {
		assert.Greater(t, step.Index, last[step.Stage], "%s %d", step.Stage, step.Index)
		assert.LessOrEqual(t, step.Index, step.Total)
		last[step.Stage] = step.Index
	}
	assert.Equal(t, map[string]int{"deps": 6, "stage-1": 3}, last)
}

func TestAFailedStepHasItsErrorAndBuildxsTextReachesTheUser(t *testing.T) {
	graph, text := load(t, "failing")
	var failed []string
	for _, step := range graph.Steps() {
		if step.Error != "" {
			failed = append(failed, step.Instruction)
			assert.Contains(t, step.Error, "exit code: 7")
		}
	}
	assert.Equal(t, []string{"RUN echo no; exit 7"}, failed)
	assert.Contains(t, text, ">>> RUN echo no; exit 7", "lines that are not events reach the user")
}

func TestTimingCountsWallClockOnce(t *testing.T) {
	for _, stream := range []string{"cold", "unchanged", "changed", "registry-down"} {
		t.Run(stream, func(t *testing.T) {
			graph, _ := load(t, stream)
			var all []Span
			for _, node := range graph.Nodes() {
				all = append(all, node.Spans...)
			}
			timing := graph.Timing()
			assert.InDelta(t, union(all).Seconds(), timing.Import+timing.Build+timing.Push+timing.Export, 1e-6)
			assert.Positive(t, timing.Build)
			assert.Positive(t, timing.Push)
		})
	}
	cold, _ := load(t, "cold")
	assert.Greater(t, cold.Timing().Build, 2.0, "two steps sleep a second each")
	unchanged, _ := load(t, "unchanged")
	assert.Less(t, unchanged.Timing().Build, 1.0, "no step ran")
}

func TestAnUnchangedBuildExportsTheSameCacheConfig(t *testing.T) {
	configs := map[string]string{}
	for _, stream := range []string{"cold", "unchanged", "changed"} {
		graph, _ := load(t, stream)
		configs[stream] = graph.Export().Config
		assert.Contains(t, configs[stream], "sha256:")
	}
	assert.Equal(t, configs["cold"], configs["unchanged"])
	assert.NotEqual(t, configs["cold"], configs["changed"])
}

func TestInputsOfAStepAreTheStepsWhoseResultsItUses(t *testing.T) {
	graph, _ := load(t, "cold")
	steps := graph.Steps()
	inputs := map[string][]string{}
	for _, step := range steps {
		for _, at := range step.Inputs {
			inputs[step.Instruction] = append(inputs[step.Instruction], steps[at].Instruction)
		}
	}
	assert.Equal(t, []string{source}, inputs[compile])
	assert.Equal(t, []string{compile}, inputs[output], "the stage that it copies from, but with --link not the step before it")
	assert.Contains(t, inputs[workdir][0], "FROM ")
}

func TestActivities(t *testing.T) {
	graph, _ := load(t, "changed")
	byKind := map[string][]Activity{}
	for _, activity := range graph.Activities() {
		byKind[activity.Kind] = append(byKind[activity.Kind], activity)
	}
	require.Len(t, byKind[KindPull], 1, "the layers of one step are one pull")
	pull := byKind[KindPull][0]
	assert.Equal(t, run, pull.Label)
	assert.Equal(t, int64(133+87+1146018+20973164), pull.Bytes)
	assert.Len(t, byKind[KindImport], 1)
	assert.Len(t, byKind[KindExport], 1)
	assert.Len(t, byKind[KindPush], 1)
	require.Len(t, byKind[KindContext], 1)
	assert.Equal(t, int64(102), byKind[KindContext][0].Bytes)
}

func TestWhatAnotherBuildDidBeforeCountsAsCached(t *testing.T) {
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) *time.Time { return new(begin.Add(time.Duration(seconds) * time.Second)) }
	graph := NewGraph()
	graph.SharedSince(begin)
	graph.Observe(Event{Vertexes: []Vertex{
		{Digest: "a", Name: "[1/4] RUN before", Started: at(-9), Completed: at(-5)},
		{Digest: "b", Name: "[2/4] RUN meanwhile", Started: at(-4), Completed: at(2)},
		{Digest: "c", Name: "[3/4] RUN own", Started: at(2), Completed: at(5)},
		{Digest: "d", Name: "[4/4] RUN failed", Started: at(-1), Completed: at(6), Error: "exit code: 1"},
	}})
	steps := graph.Steps()
	require.Len(t, steps, 4)
	for i, want := range []Step{
		{Cached: true, Earlier: true, Start: begin}, {Cached: true, Earlier: true, Start: begin, Seconds: 2}, {Ran: true, Start: *at(2), Seconds: 3},
		{Ran: true, Start: *at(-1), Seconds: 7},
	} {
		got := steps[i]
		assert.Equal(t, want, Step{Cached: got.Cached, Earlier: got.Earlier, Ran: got.Ran, Start: got.Start, Seconds: got.Seconds}, got.Instruction)
	}
}

// If the first step on a base image comes from the cache, BuildKit only resolves the name of the image.
func TestOnlyABaseImageThatIsUsedIsUnpacked(t *testing.T) {
	for name, want := range map[string]bool{"cold": true, "changed": false, "unchanged": false} {
		graph, _ := load(t, name)
		unpacked := slices.ContainsFunc(graph.Steps(), func(step Step) bool { return step.IsFrom() && step.Unpacked })
		assert.Equal(t, want, unpacked, name)
	}
}
