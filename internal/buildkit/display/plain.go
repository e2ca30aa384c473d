package display

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/report/escape"
)

const (
	// silenceLimit is how long the current vertex may print nothing before another one is shown, and how long the log is
	// silent before a vertex that prints nothing is named again.
	silenceLimit = 2 * time.Second
	// namingDelay is how long a vertex runs, and the log is silent, before it is named, if it prints nothing.
	namingDelay = 300 * time.Millisecond
	// longestName is the number of characters of a vertex's name or error that are shown. An instruction may
	// be megabytes long.
	longestName = 2000
)

// plain writes the log of a build. Each line starts with the number of its vertex, so the output of a step
// cannot pass for another line of the log. Only one vertex is shown at a time; the lines of others wait, so
// that the output of parallel steps does not mix.
type plain struct {
	out    io.Writer
	graph  *progress.Graph
	states map[string]*plainState
	// open are the digests of the vertices whose outcome has not been shown, in the order in which they
	// appeared.
	open []string
	// current is the digest of the vertex that is being shown; shown is when a line was last written.
	current string
	shown   time.Time
	// count is the number of vertices shown so far.
	count int
	mutex sync.Mutex
	stop  chan struct{}
}

func newPlain(out io.Writer, graph *progress.Graph) *plain {
	p := &plain{out: out, graph: graph, states: map[string]*plainState{}, stop: make(chan struct{})}
	go func() {
		ticker := time.NewTicker(namingDelay)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
				p.mutex.Lock()
				p.flush()
				p.mutex.Unlock()
			}
		}
	}()
	return p
}

// plainState is the state of a vertex in the log.
type plainState struct {
	// index is the number of the vertex in the log, 0 before it is shown.
	index int
	// waiting are lines that have not been shown; partial is a line without its end.
	waiting []string
	partial []byte
	ended   bool
	started time.Time
	// seen is when the vertex first appeared.
	seen time.Time
	// parts has the IDs of its statuses, and true for those that are done.
	parts map[string]bool
}

// isOver reports whether the vertex and all its parts have ended.
func (s *plainState) isOver() bool {
	for _, done := range s.parts {
		if !done {
			return false
		}
	}
	return s.ended
}

func (p *plain) Event(event progress.Event) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.graph.Observe(event)
	for _, vertex := range event.Vertexes {
		p.vertex(vertex)
	}
	for _, status := range event.Statuses {
		p.status(status)
	}
	for _, warning := range event.Warnings {
		if state := p.states[warning.Vertex]; state != nil {
			state.waiting = append(state.waiting, "WARN: "+escape.Line(string(warning.Short)))
		}
	}
	for _, entry := range event.Logs {
		if state := p.states[entry.Vertex]; state != nil {
			state.log(entry)
		}
	}
	p.flush()
}

func (p *plain) Text(line []byte) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	writeText(p.out, line)
}

func (p *plain) Close() {
	close(p.stop)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, digest := range slices.Clone(p.open) {
		p.show(digest)
	}
}

func (p *plain) vertex(vertex progress.Vertex) {
	state := p.states[vertex.Digest]
	if state == nil {
		state = &plainState{seen: time.Now()}
		p.states[vertex.Digest] = state
	}
	if vertex.Started == nil {
		return
	}
	if !state.started.Equal(*vertex.Started) {
		state.started = *vertex.Started
		state.ended = false
		p.reopen(vertex.Digest)
	}
	if vertex.Completed == nil || state.ended {
		return
	}
	state.endLine()
	state.ended = true
}

func (p *plain) reopen(digest string) {
	if !slices.Contains(p.open, digest) {
		p.open = append(p.open, digest)
	}
}

// status adds a line for a part of a vertex once it is done. A log has no lines for the progress in between.
func (p *plain) status(status progress.Status) {
	state := p.states[status.Vertex]
	if state == nil || state.parts[status.ID] {
		return
	}
	p.reopen(status.Vertex)
	if state.parts == nil {
		state.parts = map[string]bool{}
	}
	state.parts[status.ID] = status.Completed != nil
	if status.Completed == nil {
		return
	}
	text := escape.Line(status.ID)
	if status.Total > 0 {
		text += fmt.Sprintf(" %s / %s", size(status.Current), size(status.Total))
	} else if status.Current > 0 {
		text += " " + size(status.Current)
	}
	if status.Started != nil {
		text += seconds(status.Completed.Sub(*status.Started))
	}
	state.waiting = append(state.waiting, text+" done")
}

func (s *plainState) log(entry progress.Log) {
	for line := range bytes.SplitAfterSeq(entry.Data, []byte("\n")) {
		if len(s.partial) == 0 && len(line) > 0 {
			s.partial = fmt.Appendf(nil, "%.3f ", entry.Timestamp.Sub(s.started).Seconds())
		}
		s.partial = append(s.partial, line...)
		if bytes.HasSuffix(line, []byte("\n")) {
			s.endLine()
		}
	}
}

func (s *plainState) endLine() {
	if len(s.partial) > 0 {
		s.waiting = append(s.waiting, escape.Output(strings.TrimRight(string(s.partial), "\r\n")))
		s.partial = nil
	}
}

// flush shows all vertices that have ended, then one that is running.
func (p *plain) flush() {
	for _, digest := range slices.Clone(p.open) {
		if p.states[digest].isOver() {
			p.show(digest)
		}
	}
	if state := p.states[p.current]; state != nil && (len(state.waiting) > 0 || time.Since(p.shown) < silenceLimit) {
		p.show(p.current)
		return
	}
	for _, digest := range p.open {
		state := p.states[digest]
		if len(state.waiting) > 0 || p.current == "" && p.mustName(state) {
			p.show(digest)
			return
		}
	}
}

// mustName reports whether a vertex that prints nothing is named, so that a reader knows what the build waits for. While
// other vertices end, nobody wonders: with 30 targets, each end would be followed by the name of one that still runs.
func (p *plain) mustName(state *plainState) bool {
	silence := namingDelay
	if state.index > 0 {
		silence = silenceLimit
	}
	return time.Since(state.seen) > namingDelay && time.Since(p.shown) > silence
}

// show writes the waiting lines of the vertex, and its outcome if it is over.
func (p *plain) show(digest string) {
	state, node := p.states[digest], p.graph.Find(digest)
	if node == nil || len(state.waiting) == 0 && !state.isOver() && p.current == digest {
		return
	}
	p.writeTitle(digest, state, node)
	for _, line := range state.waiting {
		fmt.Fprintf(p.out, "#%d %s\n", state.index, line)
	}
	state.waiting = nil
	p.shown = time.Now()
	if state.isOver() {
		fmt.Fprintf(p.out, "#%d %s\n", state.index, outcome(node))
		p.open = slices.DeleteFunc(p.open, func(open string) bool { return open == digest })
		p.current = ""
	}
}

// writeTitle writes the name of the vertex unless it is the current one.
func (p *plain) writeTitle(digest string, state *plainState, node *progress.Node) {
	if state.index == 0 {
		p.count++
		state.index = p.count
	}
	if p.current == digest {
		return
	}
	if p.current != "" {
		fmt.Fprintf(p.out, "#%d ...\n", p.states[p.current].index)
	}
	if !p.shown.IsZero() {
		fmt.Fprintln(p.out)
	}
	fmt.Fprintf(p.out, "#%d %s\n", state.index, escape.Shorten(escape.Line(node.Name), longestName))
	p.current = digest
}

// outcome returns the last line about a vertex.
func outcome(node *progress.Node) string {
	switch {
	case node.Cancelled():
		return "CANCELED"
	case lacksCache(node):
		return "NOT FOUND: nothing to import"
	case node.Error != "":
		return "ERROR: " + escape.Shorten(escape.Line(node.Error), longestName)
	case node.Cached:
		return "CACHED"
	}
	return fmt.Sprintf("DONE %.1fs", node.Seconds())
}

// lacksCache reports whether the vertex is the import of a cache that does not exist, as in the first build. That is no
// fault, so it is not shown as one.
func lacksCache(node *progress.Node) bool {
	attempt, ok := node.Import()
	return ok && attempt.IsAbsent()
}

func seconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return ""
	}
	return fmt.Sprintf(" %.1fs", d.Seconds())
}

// size formats a number of bytes in decimal units, like buildx.
func size(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, larger := range []string{"kB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, larger
	}
	return fmt.Sprintf("%.2f%s", value, unit)
}
