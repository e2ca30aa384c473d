package display

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

func TestTheModeChoosesTheDisplay(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	defer file.Close()
	const none = "none given"
	cases := []struct {
		name, progress, variable string
		silent                   bool
		out                      io.Writer
		want                     Display
		problem                  string
	}{
		{"no mode and no terminal", none, "", false, io.Discard, &plain{}, ""},
		{"a file is not a terminal", "auto", "", false, file, &plain{}, ""},
		{"an empty mode is auto", "", "", false, file, &plain{}, ""},
		{"plain", "plain", "", false, io.Discard, &plain{}, ""},
		{"tty without a terminal", "tty", "", false, file, nil, "failed to get console"},
		{"rawjson", "rawjson", "", false, io.Discard, &rawJSON{}, ""},
		{"quiet as a mode", "quiet", "", false, io.Discard, &quiet{}, ""},
		{"quiet as a flag", none, "", true, io.Discard, &quiet{}, ""},
		{"quiet as a flag and as a mode", "quiet", "", true, io.Discard, &quiet{}, ""},
		{"none", "none", "", false, io.Discard, &quiet{}, ""},
		{"none and quiet", "none", "", true, io.Discard, &quiet{}, ""},
		{"plain and quiet contradict each other", "plain", "", true, io.Discard, nil, "progress=plain and quiet cannot be used together"},
		{"quiet by variable", none, "quiet", false, io.Discard, &quiet{}, ""},
		{"rawjson by variable", "auto", "rawjson", false, io.Discard, &rawJSON{}, ""},
		{"a variable does not count with an empty mode", "", "rawjson", false, io.Discard, &plain{}, ""},
		{"a variable does not count with the flag quiet", none, "rawjson", true, io.Discard, &quiet{}, ""},
		{"the flag takes precedence over the variable", "plain", "quiet", false, io.Discard, &plain{}, ""},
		{"an unknown mode", "bogus", "", false, io.Discard, nil, "invalid progress mode bogus"},
		{"an unknown mode by variable", none, "bogus", false, io.Discard, nil, "invalid progress mode bogus"},
		{"an unknown mode by variable that a mode overrides", "plain", "bogus", false, io.Discard, &plain{}, ""},
		{"modes are written in small letters", "Plain", "", false, io.Discard, nil, "invalid progress mode Plain"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			value, given := strings.CutPrefix(c.progress, none)
			mode, err := Choose(value, !given, c.silent, c.variable, c.out)
			if c.problem != "" {
				assert.ErrorContains(t, err, c.problem)
				return
			}
			require.NoError(t, err)
			got := New(mode, c.out, progress.NewGraph())
			defer got.Close()
			assert.IsType(t, c.want, got)
		})
	}
}

func TestRawJSONIsNothingButJSON(t *testing.T) {
	event := `{"vertexes":[{"digest":"sha256:` + strings.Repeat("1", 64) + `","name":"[1/1] RUN x","error":"GET https://h/x?a=b\u0026X-Amz-Signature=0123456789abcdef","unknown":1}]}` + "\n"
	var out bytes.Buffer
	stderr := ToJSON(&out)
	shown := New(RawJSON, stderr, progress.NewGraph())
	fmt.Fprintln(stderr, "layercache: builder ready")
	require.NoError(t, progress.Read(strings.NewReader(event+"ERROR: no\n"), shown.Event, shown.Text))
	shown.Close()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, 3)
	assert.Equal(t, strings.ReplaceAll(strings.TrimSpace(event), "0123456789abcdef", "REDACTED"), lines[1], "an event stays as it is but for its signature")
	var texts string
	require.NoError(t, progress.Read(&out, func(e progress.Event) {
		for _, log := range e.Logs {
			texts += string(log.Data)
		}
	}, func(line []byte) { t.Errorf("not an event: %s", line) }))
	assert.Equal(t, "layercache: builder ready\nbuildx: ERROR: no\n", texts)
}

func TestQuietShowsOnlyTheTextOfBuildx(t *testing.T) {
	var out bytes.Buffer
	graph := progress.NewGraph()
	q := New(Quiet, &out, graph)
	q.Event(ends("a", "[1/1] RUN x", 0, 1))
	q.Text([]byte("ERROR: no\n"))
	q.Text([]byte("::add-mask::no \x1b[2J\r\n"))
	q.Text([]byte("no end"))
	q.Close()
	assert.Equal(t, "buildx: ERROR: no\nbuildx: : :add-mask::no \nbuildx: no end", out.String())
	assert.Len(t, graph.Nodes(), 1, "the graph is updated nevertheless")
}

func TestEveryLineOfBuildxHasItsPrefix(t *testing.T) {
	var out bytes.Buffer
	text := NewText(&out)
	for _, part := range []string{"a\nlayer", "cache: cache used\n", "\x1b[2Jend"} {
		_, err := io.WriteString(text, part)
		require.NoError(t, err)
	}
	text.Flush()
	assert.Equal(t, "buildx: a\nbuildx: layercache: cache used\nbuildx: end", out.String())
}

// drawn sends the events to a display for terminals and returns its last state. For a pipe the width is 80
// columns.
func drawn(t *testing.T, events ...progress.Event) string {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	display := newTTY(writer, progress.NewGraph())
	for _, event := range events {
		display.Event(event)
	}
	display.Text([]byte("ERROR: buildx's \x1b]0;title\x07own\n"))
	display.Close()
	require.NoError(t, writer.Close())
	all, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Contains(t, string(all), "buildx: ERROR: buildx's own\n")
	return string(all[strings.LastIndex(string(all), "[+]"):])
}

func TestATerminalShowsTheFinalState(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	cached := ends("c", "[2/3] RUN c", 0, 0)
	cached.Vertexes[0].Cached = true
	waiting := progress.Event{Vertexes: []progress.Vertex{{Digest: "w", Name: "[3/3] RUN w"}}}
	got := drawn(t,
		runs("a", "[1/3] RUN a", 0), prints("a", "hidden once it is done\n", 0.5), ends("a", "[1/3] RUN a", 0, 1.5), cached, waiting,
		runs("f", "[1/1] RUN "+strings.Repeat("long ", 40), 0), prints("f", "1\n2\n3\n4\n5\n6\n7\n\x1b[31mwhy\x1b[0m\n", 0.5),
		fails("f", "[1/1] RUN "+strings.Repeat("long ", 40), "exit code: 1"),
	)
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	assert.Regexp(t, `\A\[\+\] Finished \d+\.\ds \(3/3\)\z`, lines[0])
	assert.Equal(t, " => [1/3] RUN a"+strings.Repeat(" ", 59)+" 1.5s", lines[1])
	assert.Regexp(t, `\A => CACHED \[2/3\] RUN c +0\.0s\z`, lines[2])
	assert.Regexp(t, `\A => ERROR \[1/1\] RUN long .*… 1\.0s\z`, lines[3])
	assert.Equal(t, []string{" => => # 3", " => => # 4", " => => # 5", " => => # 6", " => => # 7", " => => # [31mwhy[0m"}, lines[4:], "the last lines of its output")
	for _, line := range lines {
		assert.Less(t, len([]rune(line)), 80, "longer than the terminal's width: %s", line)
	}
}

func TestATerminalShowsACacheThatDoesNotExistAsNoError(t *testing.T) {
	missing := drawn(t, fails("a", "importing cache manifest from h/c:main", "h/c:main: not found"))
	assert.Contains(t, missing, " => NOT FOUND importing cache manifest from h/c:main")
	assert.NotContains(t, missing, red)
	assert.Contains(t, drawn(t, fails("a", "importing cache manifest from h/c:main", "403 Forbidden")), red)
}

func TestNOCOLORTurnsColoursOff(t *testing.T) {
	event := ends("a", "[1/1] RUN a", 0, 1)
	t.Setenv("NO_COLOR", "")
	assert.Contains(t, drawn(t, event), blue)
	t.Setenv("NO_COLOR", "1")
	assert.NotContains(t, drawn(t, event), "\x1b")
}

func TestTheTextOfAStepCannotMoveTheCursor(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain text stays":                   {"RUN make", "RUN make"},
		"letters of other scripts stay":      {"ветка 分支 é", "ветка 分支 é"},
		"tabs and line breaks become spaces": {"a\tb\nc", "a b c"},
		"an escape is removed":               {"\x1b[2J\x1b]0;title\x07x", "[2J]0;titlex"},
		"an eight-bit escape is removed":     {"\u009b2Jx", "2Jx"},
		"a carriage return is removed":       {"a\rb", "ab"},
		"a NUL is removed":                   {"a\x00b", "ab"},
		"the direction of text is unchanged": {"a\u202eb", "ab"},
		"invalid UTF-8 becomes U+FFFD":       {"a\xffb", "a\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, printable(c.text)) })
	}
}

func TestALineIsCutToItsWidth(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"ééé", 3, "ééé"}, {"éééé", 3, "éé…"}, {"", 0, ""}, {"abc", 1, "…"}} {
		assert.Equal(t, c.want, cut(c.text, c.width))
	}
}
