package display

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

// at returns a time in seconds after the start of the build.
func at(seconds float64) *time.Time {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
	return &moment
}

func runs(digest, name string, from float64) progress.Event {
	return progress.Event{Vertexes: []progress.Vertex{{Digest: digest, Name: name, Started: at(from)}}}
}

func ends(digest, name string, from, to float64) progress.Event {
	return progress.Event{Vertexes: []progress.Vertex{{Digest: digest, Name: name, Started: at(from), Completed: at(to)}}}
}

func fails(digest, name, problem string) progress.Event {
	event := ends(digest, name, 0, 1)
	event.Vertexes[0].Error = problem
	return event
}

func prints(digest, text string, moment float64) progress.Event {
	return progress.Event{Logs: []progress.Log{{Vertex: digest, Data: []byte(text), Timestamp: *at(moment)}}}
}

func part(digest, id string, current, total int64, from float64, to *time.Time) progress.Event {
	return progress.Event{Statuses: []progress.Status{{Vertex: digest, ID: id, Current: current, Total: total, Started: at(from), Completed: to}}}
}

// shown returns the log of a build with the events.
func shown(events ...progress.Event) string {
	var out bytes.Buffer
	p := newPlain(&out, progress.NewGraph())
	for _, event := range events {
		p.Event(event)
	}
	p.Close()
	return out.String()
}

func TestTheLogOfABuild(t *testing.T) {
	cached := ends("a", "[2/2] RUN make", 0, 0)
	cached.Vertexes[0].Cached = true
	warned := progress.Event{Warnings: []progress.Warning{{Vertex: "a", Short: []byte("LegacyKeyValueFormat: use ENV key=value")}}}
	cases := []struct {
		name   string
		events []progress.Event
		want   string
	}{
		{"no events", nil, ""},
		{"a step that has not started is not shown", []progress.Event{{Vertexes: []progress.Vertex{{Digest: "a", Name: "[1/1] RUN x"}}}}, ""},
		{"a step that ends", []progress.Event{runs("a", "[1/1] RUN x", 0), ends("a", "[1/1] RUN x", 0, 1.25)}, "#1 [1/1] RUN x\n#1 DONE 1.2s\n"},
		{"a step that prints", []progress.Event{runs("a", "[1/1] RUN x", 0), prints("a", "one\ntwo\n", 0.5), ends("a", "[1/1] RUN x", 0, 1)},
			"#1 [1/1] RUN x\n#1 0.500 one\n#1 0.500 two\n#1 DONE 1.0s\n"},
		{"a line that arrives in pieces has the time of the first piece", []progress.Event{runs("a", "[1/1] RUN x", 0), prints("a", "on", 0.5), prints("a", "e\r\n", 0.7), ends("a", "[1/1] RUN x", 0, 1)},
			"#1 [1/1] RUN x\n#1 0.500 one\n#1 DONE 1.0s\n"},
		{"a last line without a line break", []progress.Event{runs("a", "[1/1] RUN x", 0), prints("a", "one", 0.5), ends("a", "[1/1] RUN x", 0, 1)},
			"#1 [1/1] RUN x\n#1 0.500 one\n#1 DONE 1.0s\n"},
		{"a cached step", []progress.Event{cached}, "#1 [2/2] RUN make\n#1 CACHED\n"},
		{"a step that fails", []progress.Event{runs("a", "[1/1] RUN x", 0), prints("a", "no\n", 1), fails("a", "[1/1] RUN x", "exit code: 2")},
			"#1 [1/1] RUN x\n#1 1.000 no\n#1 ERROR: exit code: 2\n"},
		{"a cache that does not exist is no error", []progress.Event{fails("a", "importing cache manifest from h/c:main", "failed to configure registry cache importer: h/c:main: not found")},
			"#1 importing cache manifest from h/c:main\n#1 NOT FOUND: nothing to import\n"},
		{"a cache that may not be read is an error", []progress.Event{fails("a", "importing cache manifest from h/c:main", "403 Forbidden")},
			"#1 importing cache manifest from h/c:main\n#1 ERROR: 403 Forbidden\n"},
		{"a base image that does not exist is an error", []progress.Event{fails("a", "[internal] load metadata for h/b:1", "h/b:1: not found")},
			"#1 [internal] load metadata for h/b:1\n#1 ERROR: h/b:1: not found\n"},
		{"a step that is cancelled", []progress.Event{fails("a", "[1/1] RUN x", "failed to solve: context canceled")}, "#1 [1/1] RUN x\n#1 CANCELED\n"},
		{"a warning", []progress.Event{runs("a", "[1/1] ENV x y", 0), warned, ends("a", "[1/1] ENV x y", 0, 1)},
			"#1 [1/1] ENV x y\n#1 WARN: LegacyKeyValueFormat: use ENV key=value\n#1 DONE 1.0s\n"},
		{"a download, once it is done", []progress.Event{runs("a", "[1/1] FROM b", 0), part("a", "sha256:1", 5_000, 1_500_000, 0, nil),
			part("a", "sha256:1", 1_500_000, 1_500_000, 0, at(0.5)), part("a", "sha256:1", 1_500_000, 1_500_000, 0, at(0.5)), ends("a", "[1/1] FROM b", 0, 1)},
			"#1 [1/1] FROM b\n#1 sha256:1 1.50MB / 1.50MB 0.5s done\n#1 DONE 1.0s\n"},
		{"a part without a size", []progress.Event{runs("a", "exporting to image", 0), part("a", "exporting layers", 0, 0, 0, at(0.001)), ends("a", "exporting to image", 0, 1)},
			"#1 exporting to image\n#1 exporting layers done\n#1 DONE 1.0s\n"},
		{"the output of a step cannot leave its line", []progress.Event{runs("a", "[1/1] RUN x", 0), prints("a", "50 %\r\x1b[2K\x1b[1A#2 DONE\n\x1b[32mok\n", 0.5), ends("a", "[1/1] RUN x", 0, 1)},
			"#1 [1/1] RUN x\n#1 0.500 50 % #2 DONE\n#1 0.500 \x1b[32mok\x1b[0m\n#1 DONE 1.0s\n"},
		{"a name, a part or an error cannot leave its line", []progress.Event{runs("a", "[1/1] WORKDIR /a\n::b", 0), part("a", "c\n::d", 0, 0, 0, at(0.001)), fails("a", "[1/1] WORKDIR /a\n::b", "e\n::f\x1b[2J")},
			"#1 [1/1] WORKDIR /a ::b\n#1 c ::d done\n#1 ERROR: e ::f\n"},
		{"a name of megabytes is cut", []progress.Event{ends("a", strings.Repeat("é", 1<<20), 0, 1)}, "#1 " + strings.Repeat("é", longestName) + "…\n#1 DONE 1.0s\n"},
		{"entries of unknown vertices are ignored", []progress.Event{prints("z", "x\n", 1), part("z", "y", 1, 1, 0, at(1))}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, shown(c.events...)) })
	}
}

func TestLinesOfParallelStepsDoNotMix(t *testing.T) {
	got := shown(
		runs("a", "[a 1/1] RUN a", 0), runs("b", "[b 1/1] RUN b", 0),
		prints("a", "a1\n", 0.1), prints("b", "b1\n", 0.2), prints("a", "a2\n", 0.3), prints("b", "b2\n", 0.4),
		ends("a", "[a 1/1] RUN a", 0, 1), ends("b", "[b 1/1] RUN b", 0, 2),
	)
	assert.Equal(t, `#1 [a 1/1] RUN a
#1 0.100 a1
#1 0.300 a2
#1 DONE 1.0s

#2 [b 1/1] RUN b
#2 0.200 b1
#2 0.400 b2
#2 DONE 2.0s
`, got)
}

func TestAStepThatEndsInterruptsTheOneThatIsShown(t *testing.T) {
	got := shown(
		runs("a", "[a 1/1] RUN a", 0), prints("a", "a1\n", 0.1),
		runs("b", "[b 1/1] RUN b", 0), ends("b", "[b 1/1] RUN b", 0, 1),
		prints("a", "a2\n", 1.5), ends("a", "[a 1/1] RUN a", 0, 2),
	)
	assert.Equal(t, `#1 [a 1/1] RUN a
#1 0.100 a1
#1 ...

#2 [b 1/1] RUN b
#2 DONE 1.0s

#1 [a 1/1] RUN a
#1 1.500 a2
#1 DONE 2.0s
`, got)
}

func TestWaitingLinesAreShownAtTheEnd(t *testing.T) {
	got := shown(runs("a", "[a 1/1] RUN a", 0), prints("a", "a1\n", 0.1), runs("b", "[b 1/1] RUN b", 0), prints("b", "b1\n", 0.2))
	assert.Equal(t, "#1 [a 1/1] RUN a\n#1 0.100 a1\n#1 ...\n\n#2 [b 1/1] RUN b\n#2 0.200 b1\n", got, "the output of a build that was cut off")
}

func TestAStepThatPrintsNothingIsNamedAfterAWhile(t *testing.T) {
	var out bytes.Buffer
	p := newPlain(&out, progress.NewGraph())
	p.Event(runs("a", "[1/1] RUN sleep 60", 0))
	named := func() bool {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		return strings.HasPrefix(out.String(), "#1 [1/1] RUN sleep 60\n")
	}
	assert.False(t, named(), "not immediately, because most steps end before")
	assert.Eventually(t, named, 5*time.Second, 10*time.Millisecond)
	p.Close()
	assert.Equal(t, "#1 [1/1] RUN sleep 60\n", out.String(), "only once")
}

func TestAStepThatPrintsNothingIsNotNamedAgainWhileOthersEnd(t *testing.T) {
	var out bytes.Buffer
	p := &plain{out: &out, graph: progress.NewGraph(), states: map[string]*plainState{}}
	p.Event(runs("a", "[api] RUN sleep 60", 0))
	p.states["a"].seen = time.Now().Add(-time.Hour)
	for _, other := range []string{"b", "c", "d"} {
		p.Event(runs(other, "["+other+"] RUN true", 0))
		p.Event(ends(other, "["+other+"] RUN true", 0, 1))
	}
	assert.Equal(t, "#1 [api] RUN sleep 60\n#1 ...\n\n#2 [b] RUN true\n#2 DONE 1.0s\n\n#3 [c] RUN true\n#3 DONE 1.0s\n\n#4 [d] RUN true\n#4 DONE 1.0s\n", out.String())
}

func TestLinesOfBuildxStartWithItsName(t *testing.T) {
	var out bytes.Buffer
	p := newPlain(&out, progress.NewGraph())
	p.Text([]byte("ERROR: no such file\n"))
	p.Close()
	assert.Equal(t, "buildx: ERROR: no such file\n", out.String())
}

func TestSizesAreDecimal(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0.00B", 999: "999.00B", 1000: "1.00kB", 1_234_567: "1.23MB", 57_000_000_000: "57.00GB", 3_000_000_000_000_000: "3000.00TB",
	} {
		assert.Equal(t, want, size(bytes))
	}
}
