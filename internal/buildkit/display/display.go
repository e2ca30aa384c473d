// Package display shows a build's progress as docker buildx does: a line at a time where the output is a log ("plain"), in
// place where it is a terminal ("tty"), or not at all ("quiet").
package display

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/report/escape"
)

// Display is shown a build, event by event.
type Display interface {
	// Event takes an event into the graph and shows what it changed. Until Close the graph is the display's alone.
	Event(progress.Event)
	// Text shows a line that is no event, such as an error of buildx's own.
	Text([]byte)
	// Close shows the final state.
	Close()
}

// New returns the display for a mode of buildx's --progress flag: auto, plain, tty, rawjson, quiet or none. An empty mode is
// BUILDKIT_PROGRESS's or auto, which takes tty where out is a terminal. Raw JSON has no display: the mode is shown as plain.
func New(mode string, out io.Writer, graph *progress.Graph) Display {
	if mode == "" {
		mode = os.Getenv("BUILDKIT_PROGRESS")
	}
	file, isFile := out.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	switch {
	case mode == "quiet" || mode == "none":
		return &quiet{out: out, graph: graph}
	case terminal && mode != "plain" && mode != "rawjson":
		return newTTY(file, graph)
	}
	return newPlain(out, graph)
}

// quiet shows only what buildx says outside of the stream.
type quiet struct {
	out   io.Writer
	graph *progress.Graph
}

func (q *quiet) Event(event progress.Event) { q.graph.Observe(event) }
func (q *quiet) Text(line []byte)           { writeText(q.out, line) }
func (q *quiet) Close()                     {}

// longestText is how much of a line of buildx's own is shown, in characters.
const longestText = 20_000

// prefix begins each line of buildx's own: what it quotes cannot pass for a line of the helper's or of the build service's.
const prefix = "buildx: "

// writeText writes a line of buildx's own, which quotes Dockerfiles, registries and what steps printed.
func writeText(out io.Writer, line []byte) {
	text, ended := bytes.CutSuffix(line, []byte("\n"))
	shown := escape.Shorten(escape.Output(string(bytes.TrimRight(text, "\r"))), longestText)
	if ended {
		shown += "\n"
	}
	_, _ = io.WriteString(out, prefix+shown)
}

// Text shows what is written to it, line by line, as text of buildx's own.
type Text struct {
	out  io.Writer
	line []byte
}

// NewText returns a Text that writes to out.
func NewText(out io.Writer) *Text { return &Text{out: out} }

func (t *Text) Write(content []byte) (int, error) {
	for part := range bytes.Lines(content) {
		t.line = append(t.line, part...)
		if t.line[len(t.line)-1] == '\n' || len(t.line) > longestText {
			t.Flush()
		}
	}
	return len(content), nil
}

// Flush shows the last line, if it has no end.
func (t *Text) Flush() {
	if len(t.line) > 0 {
		writeText(t.out, t.line)
	}
	t.line = t.line[:0]
}
