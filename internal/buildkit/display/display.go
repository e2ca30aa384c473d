// Package display shows a build's progress like docker buildx: line by line in a log ("plain"), in place on a
// terminal ("tty"), or not at all ("quiet").
package display

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/report/escape"
)

// Display shows a build, event by event.
type Display interface {
	// Event adds an event to the graph and shows the change. Only the display may use the graph until Close.
	Event(progress.Event)
	// Text shows a line that is not an event, such as an error of buildx.
	Text([]byte)
	// Close shows the final state.
	Close()
}

// New returns the display for a mode of buildx's --progress flag: auto, plain, tty, rawjson, quiet or none.
// The default is BUILDKIT_PROGRESS, then auto, which is tty if out is a terminal and plain otherwise. rawjson
// is shown as plain.
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

// quiet shows only text, no events.
type quiet struct {
	out   io.Writer
	graph *progress.Graph
}

func (q *quiet) Event(event progress.Event) { q.graph.Observe(event) }
func (q *quiet) Text(line []byte)           { writeText(q.out, line) }
func (q *quiet) Close()                     {}

// longestText is the number of characters of a line of buildx that are shown.
const longestText = 20_000

// prefix starts each line of buildx, so that text that it quotes cannot pass for a line of layercache or of
// the build service.
const prefix = "buildx: "

// writeText writes a line of buildx. It may quote Dockerfiles, registries and the output of steps.
func writeText(out io.Writer, line []byte) {
	text, ended := bytes.CutSuffix(line, []byte("\n"))
	shown := escape.Shorten(escape.Output(string(bytes.TrimRight(text, "\r"))), longestText)
	if ended {
		shown += "\n"
	}
	_, _ = io.WriteString(out, prefix+shown)
}

// Text is a writer that shows lines as text of buildx.
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

// Flush shows an incomplete last line.
func (t *Text) Flush() {
	if len(t.line) > 0 {
		writeText(t.out, t.line)
	}
	t.line = t.line[:0]
}
