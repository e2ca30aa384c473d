// Package display shows a build's progress like docker buildx: line by line in a log ("plain"), in place on a
// terminal ("tty"), as JSON ("rawjson"), or not at all ("quiet").
package display

import (
	"bytes"
	"errors"
	"fmt"
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

// Mode is how a build is shown.
type Mode string

// The modes.
const (
	Plain   Mode = "plain"
	TTY     Mode = "tty"
	RawJSON Mode = "rawjson"
	Quiet   Mode = "quiet"
)

// errNotTerminal is buildx's error for --progress=tty.
var errNotTerminal = errors.New("failed to get console: provided file is not a console; --progress=tty needs a terminal, --progress=plain does not")

// Choose returns the mode for the values of buildx's --progress and --quiet and the output, and the errors
// that buildx returns. fromEnv is BUILDKIT_PROGRESS, which counts if progress is auto or not given. An empty progress
// that is given is auto.
//
// https://github.com/docker/buildx/blob/v0.38.2/commands/build.go
func Choose(progress string, hasProgress, quiet bool, fromEnv string, out io.Writer) (Mode, error) {
	mode := progress
	if !hasProgress {
		mode = "auto"
	}
	if quiet && mode != "auto" && mode != "quiet" && mode != "none" {
		return "", fmt.Errorf("progress=%s and quiet cannot be used together", progress)
	}
	switch {
	case quiet || mode == "quiet" || mode == "none":
		return Quiet, nil
	case mode == "auto" && fromEnv != "":
		mode = fromEnv
	}
	switch mode {
	case "", "auto":
		if isTerminal(out) {
			return TTY, nil
		}
		return Plain, nil
	case "tty":
		if !isTerminal(out) {
			return "", errNotTerminal
		}
		return TTY, nil
	case "plain", "rawjson", "quiet":
		return Mode(mode), nil
	}
	return "", fmt.Errorf("invalid progress mode %s: expected auto, none, plain, quiet, rawjson or tty", mode)
}

func isTerminal(out io.Writer) bool {
	file, isFile := out.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}

// New returns the display of a mode. TTY needs a terminal.
func New(mode Mode, out io.Writer, graph *progress.Graph) Display {
	switch mode {
	case Quiet:
		return &quiet{out: out, graph: graph}
	case RawJSON:
		return &rawJSON{out: ToJSON(out), graph: graph}
	case TTY:
		return newTTY(out.(*os.File), graph)
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
	// Output sets the colours back at the end, so it is last.
	shown := escape.Output(escape.Shorten(string(bytes.TrimRight(text, "\r")), longestText))
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
