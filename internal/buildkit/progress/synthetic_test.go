package progress

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func at(seconds float64) *time.Time {
	moment := time.Unix(1700000000, 0).Add(time.Duration(seconds * float64(time.Second)))
	return &moment
}

func TestStepNames(t *testing.T) {
	cases := []struct {
		name, vertex string
		want         *Step
	}{
		{"a single unnamed stage has no name", "[2/4] RUN make", &Step{Index: 2, Total: 4, Instruction: "RUN make"}},
		{"a named stage", "[build 3/6] COPY . .", &Step{Stage: "build", Index: 3, Total: 6, Instruction: "COPY . ."}},
		{"a platform with a stage", "[linux/arm64 build 3/6] RUN x", &Step{Platform: "linux/arm64", Stage: "build", Index: 3, Total: 6, Instruction: "RUN x"}},
		{"a platform without a stage", "[linux/arm64 3/6] RUN x", &Step{Platform: "linux/arm64", Index: 3, Total: 6, Instruction: "RUN x"}},
		{"a cross build", "[linux/amd64->arm64 build 1/2] RUN x", &Step{Platform: "linux/amd64->arm64", Stage: "build", Index: 1, Total: 2, Instruction: "RUN x"}},
		{"a padded number", "[build  3/12] RUN x", &Step{Stage: "build", Index: 3, Total: 12, Instruction: "RUN x"}},
		{"a padded number without a stage", "[ 3/12] RUN x", &Step{Index: 3, Total: 12, Instruction: "RUN x"}},
		{"a padded number with a platform", "[linux/arm64 build  3/12] RUN x", &Step{Platform: "linux/arm64", Stage: "build", Index: 3, Total: 12, Instruction: "RUN x"}},
		{"an instruction of several lines", "[2/2] RUN a\nb", &Step{Index: 2, Total: 2, Instruction: "RUN a\nb"}},
		{"an instruction that looks like a name", "[2/2] RUN echo '[3/4] FROM x'", &Step{Index: 2, Total: 2, Instruction: "RUN echo '[3/4] FROM x'"}},
		{"an internal vertex is not a step", "[internal] load build context", nil},
		{"a sign-in is not a step", "[auth] library/debian:pull token for registry-1.docker.io", nil},
		{"an import is not a step", "importing cache manifest from host/cache:x", nil},
		{"the vertex that links a copied layer is not a step", "[build 3/6] LINK COPY --link a b", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			graph := NewGraph()
			graph.Observe(Event{Vertexes: []Vertex{{Digest: "sha256:1", Name: c.vertex}}})
			if c.want == nil {
				assert.Empty(t, graph.Steps())
				return
			}
			c.want.digest, c.want.place = "sha256:1", c.want.Platform+" "+c.want.Stage
			assert.Equal(t, []Step{*c.want}, graph.Steps())
		})
	}
}

func TestTheDownloadOfAnADDIsNotASeparateStep(t *testing.T) {
	const name = "[2/2] ADD https://example.com/a /a"
	graph := NewGraph()
	graph.Observe(Event{Vertexes: []Vertex{
		{Digest: "base", Name: "[1/2] FROM scratch"},
		{Digest: "source", Name: name, Started: at(0), Completed: at(1)},
		{Digest: "copy", Name: name, Inputs: []string{"base", "source"}, Cached: true},
	}})
	steps := graph.Steps()
	require.Len(t, steps, 2)
	assert.True(t, steps[1].Cached)
	assert.Equal(t, []int{0}, steps[1].Inputs)
}

func TestAStepThatIsCancelled(t *testing.T) {
	const cancelled = "context canceled"
	type vertex struct {
		error  string
		cached bool
	}
	for name, c := range map[string]struct {
		first, second, last vertex
		cached, ran         []string
	}{
		"the next step was in the cache": {vertex{}, vertex{error: cancelled}, vertex{cached: true}, []string{"RUN 2", "RUN 3"}, []string{"RUN 1"}},
		"the last step was in the cache": {vertex{error: cancelled}, vertex{error: cancelled}, vertex{cached: true}, []string{"RUN 1", "RUN 2", "RUN 3"}, nil},
		"the build was cancelled":        {vertex{}, vertex{error: "failed to solve: " + cancelled}, vertex{error: cancelled}, nil, []string{"RUN 1", "RUN 2", "RUN 3"}},
		"the next step failed":           {vertex{cached: true}, vertex{error: cancelled}, vertex{error: "exit code: 1"}, []string{"RUN 1"}, []string{"RUN 2", "RUN 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			graph := NewGraph()
			for i, v := range []vertex{c.first, c.second, c.last} {
				entry := Vertex{
					Digest: strconv.Itoa(i), Name: fmt.Sprintf("[%d/3] RUN %d", i+1, i+1), Started: at(1), Completed: at(2), Cached: v.cached, Error: v.error,
				}
				if i > 0 {
					entry.Inputs = []string{strconv.Itoa(i - 1)}
				}
				graph.Observe(Event{Vertexes: []Vertex{entry}})
			}
			var cached, ran []string
			for _, step := range graph.Steps() {
				if step.Cached {
					cached = append(cached, step.Instruction)
					assert.Empty(t, step.Error)
				}
				if step.Ran {
					ran = append(ran, step.Instruction)
				}
			}
			assert.Equal(t, c.cached, cached)
			assert.Equal(t, c.ran, ran)
		})
	}
}

// When a step fails, BuildKit cancels all that still run, so a step that is cancelled then was needed.
func TestAStepThatIsCancelledBecauseAnotherFailed(t *testing.T) {
	cases := []struct {
		name   string
		failed Vertex
		cached bool
	}{
		{"a step failed at the same moment", Vertex{Name: "[bad 1/1] RUN x", Completed: at(2), Error: "exit code: 1"}, false},
		{"a step failed before", Vertex{Name: "[bad 1/1] RUN x", Completed: at(1.5), Error: "exit code: 1"}, false},
		{"a step failed later", Vertex{Name: "[bad 1/1] RUN x", Completed: at(3), Error: "exit code: 1"}, true},
		{"another step was cancelled too", Vertex{Name: "[bad 1/1] RUN x", Completed: at(1), Error: "context canceled"}, true},
		{"a cache could not be read, which fails no build", Vertex{Name: "importing cache manifest from host/cache:x", Completed: at(1), Error: "not found"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			graph := NewGraph()
			c.failed.Digest, c.failed.Started = "failed", at(0)
			graph.Observe(Event{Vertexes: []Vertex{
				{Digest: "1", Name: "[good 1/2] RUN slow", Started: at(0), Completed: at(2), Error: "context canceled"},
				{Digest: "2", Name: "[good 2/2] COPY a /", Inputs: []string{"1"}, Cached: true, Started: at(0), Completed: at(0)},
				c.failed,
			}})
			at := slices.IndexFunc(graph.Steps(), func(s Step) bool { return s.Instruction == "RUN slow" })
			assert.Equal(t, c.cached, graph.Steps()[at].Cached)
			assert.Equal(t, !c.cached, graph.Steps()[at].Ran)
		})
	}
}

func TestAnInlineCacheIsExportedWithTheImage(t *testing.T) {
	graph := NewGraph()
	graph.Observe(Event{
		Vertexes: []Vertex{{Digest: "a", Name: "exporting to image"}},
		Statuses: []Status{{ID: "preparing layers for inline cache", Vertex: "a"}},
	})
	assert.Equal(t, Export{Attempted: true}, graph.Export())
}

func TestGraphKeepsTheLastStateOfAVertex(t *testing.T) {
	graph := NewGraph()
	graph.Observe(Event{Vertexes: []Vertex{{Digest: "a", Name: "[1/1] RUN x", Cached: true}}})
	graph.Observe(Event{Vertexes: []Vertex{{Digest: "a", Name: "[1/1] RUN x", Started: at(0)}}})
	graph.Observe(Event{Vertexes: []Vertex{{Digest: "a", Name: "[1/1] RUN x", Started: at(0), Completed: at(1)}}})
	graph.Observe(Event{Vertexes: []Vertex{{Digest: "a", Name: "[1/1] RUN x", Started: at(4), Completed: at(6), Error: "late"}}})
	node := graph.Find("a")
	require.NotNil(t, node)
	assert.True(t, node.Cached, "a vertex that was once said to be cached stays so")
	assert.Equal(t, "late", node.Error)
	assert.InDelta(t, 3.0, node.Seconds(), 1e-9, "both times in which it ran count")
}

func TestStatusOfAnUnknownVertexIsIgnored(t *testing.T) {
	graph := NewGraph()
	graph.Observe(Event{Statuses: []Status{{ID: "x", Vertex: "nobody"}}})
	assert.Empty(t, graph.Nodes())
}

func TestTimingPriorities(t *testing.T) {
	vertex := func(digest, name string, from, to float64) Vertex {
		return Vertex{Digest: digest, Name: name, Started: at(from), Completed: at(to)}
	}
	cases := []struct {
		name     string
		vertexes []Vertex
		want     Timing
	}{
		{"an import during the transfer of the context adds nothing", []Vertex{
			vertex("a", "[internal] load build context", 0, 2), vertex("b", "importing cache manifest from r", 0, 1),
		}, Timing{Build: 2}},
		{"an import adds the time in which no step runs", []Vertex{
			vertex("b", "importing cache manifest from r", 0, 3), vertex("a", "[2/2] RUN x", 2, 5),
		}, Timing{Import: 2, Build: 3}},
		{"an export adds its time after the end of the push", []Vertex{
			vertex("a", "exporting to image", 0, 2), vertex("b", "exporting cache to registry", 1, 5),
		}, Timing{Push: 2, Export: 3}},
		{"a vertex that did not end adds nothing", []Vertex{{Digest: "a", Name: "[2/2] RUN x", Started: at(0)}}, Timing{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			graph := NewGraph()
			graph.Observe(Event{Vertexes: c.vertexes})
			got := graph.Timing()
			assert.InDelta(t, c.want.Import, got.Import, 1e-9, "import")
			assert.InDelta(t, c.want.Build, got.Build, 1e-9, "build")
			assert.InDelta(t, c.want.Push, got.Push, 1e-9, "push")
			assert.InDelta(t, c.want.Export, got.Export, 1e-9, "export")
		})
	}
}

// digestOf returns a digest for a vertex with the name.
func digestOf(name string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(name))) }

// event returns a line of the stream about a vertex.
func event(name string) string {
	line, _ := json.Marshal(Event{Vertexes: []Vertex{{Digest: digestOf(name), Name: name, Started: at(0)}}})
	return string(line) + "\n"
}

// received returns the names of the vertices and the text that Read finds in a stream.
func received(t *testing.T, stream io.Reader) (names []string, text string) {
	t.Helper()
	var all strings.Builder
	require.NoError(t, Read(stream, func(e Event) {
		for _, vertex := range e.Vertexes {
			names = append(names, vertex.Name)
		}
	}, func(line []byte) { all.Write(line) }))
	return names, all.String()
}

func TestAStreamOfLines(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	// This is the first piece of a line that is too long.
	endless := strings.Repeat("x", longestLine+64<<10)
	cases := []struct {
		name, stream string
		events       []string
		text         string
	}{
		{"an empty stream", "", nil, ""},
		{"events come in order", event("a") + event("b"), []string{"a", "b"}, ""},
		{"a warning before the first event", "WARNING: old flag\n" + event("a"), []string{"a"}, "WARNING: old flag\n"},
		{"no line is an event after an error", "ERROR: no\n" + event("a") + "more", nil, "ERROR: no\n" + event("a") + "more"},
		{"no line is an event after text that follows an event", event("a") + "no\n" + event("b"), []string{"a"}, "no\n" + event("b")},
		{"the rest of a line that is too long is not an event", endless + event("a"), nil, endless + event("a")},
		{"a cut-off event is text", `{"vertexes":[{"dig`, nil, `{"vertexes":[{"dig`},
		{"a line longer than the read buffer is one line", event(long), []string{long}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			names, text := received(t, strings.NewReader(c.stream))
			assert.True(t, slices.Equal(c.events, names), "%.200q", names)
			assert.True(t, c.text == text, "%.200q", text)
		})
	}
}

func TestOnlyValidEventsAreEvents(t *testing.T) {
	digest := digestOf("a")
	cases := []struct {
		name, line string
		want       bool
	}{
		{"an event without content", `{}`, true},
		{"a vertex that waits", `{"vertexes":[{"digest":"` + digest + `","name":"a"}]}`, true},
		{"an entry with an unknown key", `{"vertexes":[{"digest":"` + digest + `","progressGroup":{"id":"x"}}]}`, true},
		{"a log without content", `{"logs":[{"vertex":"` + digest + `","data":null,"timestamp":"2026-01-02T03:04:05.6Z"}]}`, true},
		{"a warning without a vertex", `{"warnings":[{"short":"YQ=="}]}`, true},
		{"an unknown key at the top level", `{"vertexes":[],"errors":[]}`, false},
		{"an error response of a registry", `{"errors":[{"code":"DENIED","message":"no"}]}`, false},
		{"a list", `[]`, false},
		{"two objects", `{} {}`, false},
		{"vertices that are not a list", `{"vertexes":{}}`, false},
		{"null for a list", `{"vertexes":null}`, false},
		{"a vertex that is not an object", `{"vertexes":["a"]}`, false},
		{"a vertex without a digest", `{"vertexes":[{"name":"a"}]}`, false},
		{"a short digest", `{"vertexes":[{"digest":"sha256:00"}]}`, false},
		{"a digest in capitals", `{"vertexes":[{"digest":"` + strings.ToUpper(digest) + `"}]}`, false},
		{"an input that is not a digest", `{"vertexes":[{"digest":"` + digest + `","inputs":["x"]}]}`, false},
		{"an input that is not text", `{"vertexes":[{"digest":"` + digest + `","inputs":[1]}]}`, false},
		{"a name that is not text", `{"vertexes":[{"digest":"` + digest + `","name":1}]}`, false},
		{"an invalid time", `{"vertexes":[{"digest":"` + digest + `","started":"yesterday"}]}`, false},
		{"cached as text", `{"vertexes":[{"digest":"` + digest + `","cached":"true"}]}`, false},
		{"a size that is not a number", `{"statuses":[{"id":"x","current":"1"}]}`, false},
		{"a log that is not base64", `{"logs":[{"vertex":"` + digest + `","data":"%"}]}`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, text := received(t, strings.NewReader(c.line+"\n"))
			assert.Equal(t, c.want, text == "")
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(event("[1/2] RUN x") + "ERROR\n")
	recorded, err := filepath.Glob("testdata/*.rawjson")
	require.NoError(f, err)
	require.NotEmpty(f, recorded)
	for _, file := range recorded {
		content, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(content))
	}
	f.Fuzz(func(t *testing.T, stream string) {
		graph := NewGraph()
		require.NoError(t, Read(strings.NewReader(stream), graph.Observe, func([]byte) {}))
		graph.Steps()
		graph.Timing()
		graph.Imports()
		graph.Export()
		graph.Activities()
	})
}

// syntheticStream returns the stream of a build with this number of vertices, each with a status and a log.
func syntheticStream(tb testing.TB, vertices int) []byte {
	var stream bytes.Buffer
	encoder := json.NewEncoder(&stream)
	for i := range vertices {
		vertex := Vertex{Digest: fmt.Sprintf("sha256:%064d", i), Name: fmt.Sprintf("[stage-%d %d/200] RUN make target-%d", i/200, i%200+1, i), Started: at(float64(i))}
		if i%200 > 0 {
			vertex.Inputs = []string{fmt.Sprintf("sha256:%064d", i-1)}
		}
		require.NoError(tb, encoder.Encode(Event{Vertexes: []Vertex{vertex}}))
		vertex.Completed = at(float64(i) + 0.5)
		require.NoError(tb, encoder.Encode(Event{
			Vertexes: []Vertex{vertex},
			Statuses: []Status{{ID: "transferring", Vertex: vertex.Digest, Started: at(float64(i)), Completed: at(float64(i))}},
			Logs:     []Log{{Vertex: vertex.Digest, Data: []byte("made\n")}},
		}))
	}
	return stream.Bytes()
}

func TestAVertexTakesLittleMemory(t *testing.T) {
	const vertices = 5_000
	stream := syntheticStream(t, vertices)
	before := heap()
	graph := NewGraph()
	require.NoError(t, Read(bytes.NewReader(stream), graph.Observe, func([]byte) {}))
	assert.Less(t, (heap()-before)/vertices, 1000, "bytes per vertex")
	assert.Len(t, graph.Steps(), vertices)
	runtime.KeepAlive(stream)
}

func heap() int {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int(memory.HeapAlloc)
}

func BenchmarkRead(b *testing.B) {
	const vertices = 50_000
	stream := syntheticStream(b, vertices)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		graph := NewGraph()
		require.NoError(b, Read(bytes.NewReader(stream), graph.Observe, func([]byte) {}))
	}
}
