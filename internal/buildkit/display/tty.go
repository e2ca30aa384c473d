package display

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

const (
	redrawEvery = 100 * time.Millisecond
	// logLines is the number of lines of output shown below a running step.
	logLines = 6
	// eraseAbove moves the cursor up by a number of lines and erases everything below.
	eraseAbove = "\x1b[%dA\x1b[J"
	blue       = "\x1b[34m"
	red        = "\x1b[31m"
	faint      = "\x1b[2m"
	reset      = "\x1b[0m"
)

// tty draws the build in place, every redrawEvery.
type tty struct {
	out    *os.File
	graph  *progress.Graph
	start  time.Time
	mutex  sync.Mutex
	logs   map[string][]string
	drawn  int
	color  bool
	stop   chan struct{}
	closed sync.WaitGroup
}

func newTTY(out *os.File, graph *progress.Graph) *tty {
	t := &tty{out: out, graph: graph, start: time.Now(), logs: map[string][]string{}, stop: make(chan struct{})}
	t.color = os.Getenv("NO_COLOR") == ""
	t.closed.Go(t.run)
	return t
}

func (t *tty) run() {
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-ticker.C:
			t.mutex.Lock()
			t.draw(true)
			t.mutex.Unlock()
		}
	}
}

func (t *tty) Event(event progress.Event) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.graph.Observe(event)
	for _, entry := range event.Logs {
		for line := range strings.SplitSeq(strings.TrimRight(string(entry.Data), "\r\n"), "\n") {
			kept := append(t.logs[entry.Vertex], printable(line))
			t.logs[entry.Vertex] = kept[max(0, len(kept)-logLines):]
		}
	}
}

// Text writes the line above the drawing.
func (t *tty) Text(line []byte) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.erase()
	writeText(t.out, line)
}

func (t *tty) Close() {
	close(t.stop)
	t.closed.Wait()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.draw(false)
}

func (t *tty) erase() {
	if t.drawn > 0 {
		fmt.Fprintf(t.out, eraseAbove, t.drawn)
		t.drawn = 0
	}
}

// draw draws the state. While the build runs it draws only the newest lines that fit the terminal's height.
func (t *tty) draw(running bool) {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width < 20 || height < 5 {
		width, height = 80, 24
	}
	lines, done, total := t.lines(width, running)
	if running && len(lines) > height-2 {
		lines = lines[len(lines)-(height-2):]
	}
	state := "Building"
	if !running {
		state = "Finished"
	}
	t.erase()
	fmt.Fprintf(t.out, "[+] %s %.1fs (%d/%d)\n", state, time.Since(t.start).Seconds(), done, total)
	for _, line := range lines {
		fmt.Fprintln(t.out, line)
	}
	t.drawn = len(lines) + 1
}

func (t *tty) lines(width int, running bool) (lines []string, done, total int) {
	started := slices.DeleteFunc(slices.Clone(t.graph.Nodes()), func(n *progress.Node) bool { return len(n.Spans) == 0 })
	slices.SortStableFunc(started, func(a, b *progress.Node) int { return a.Spans[0].Start.Compare(b.Spans[0].Start) })
	for _, node := range started {
		total++
		if node.Completed != nil {
			done++
		}
		lines = append(lines, t.line(node, width))
		if running && node.Completed == nil || node.Error != "" {
			for _, text := range t.logs[node.Digest] {
				lines = append(lines, t.paint(faint, cut(" => => # "+text, width)))
			}
		}
	}
	return lines, done, total
}

func (t *tty) line(node *progress.Node, width int) string {
	state, paint := "", ""
	switch {
	case lacksCache(node):
		state, paint = "NOT FOUND ", faint
	case node.Error != "":
		state, paint = "ERROR ", red
	case node.Cached:
		state, paint = "CACHED ", blue
	case node.Completed != nil:
		paint = blue
	}
	elapsed := node.Seconds()
	if last := len(node.Spans) - 1; last >= 0 && node.Completed == nil {
		elapsed = time.Since(node.Spans[last].Start).Seconds()
	}
	clock := fmt.Sprintf(" %.1fs", elapsed)
	text := cut(" => "+state+printable(node.Name), width-len(clock)-1)
	padding := max(0, width-len(clock)-1-len([]rune(text)))
	return t.paint(paint, text+strings.Repeat(" ", padding)+clock)
}

func (t *tty) paint(code, text string) string {
	if code == "" || !t.color {
		return text
	}
	return code + text + reset
}

// printable replaces line breaks and tabs by spaces and removes other characters that do not print, so that
// the text cannot move the cursor or change colours.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// cut shortens the text to the width and then ends it with "…".
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:max(0, width-1)]) + "…"
}
