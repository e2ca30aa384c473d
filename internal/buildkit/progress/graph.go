package progress

import (
	"slices"
	"time"

	"github.com/layercache/layercache/internal/buildkit/errortext"
)

// Graph is the state of a build: its vertices, in the order in which they appeared in the stream.
type Graph struct {
	nodes    []*Node
	byDigest map[string]*Node
	// since is when the build began; zero if the builder runs no other builds.
	since time.Time
	// runs has the places of which Ahead has seen that a step runs, and unpacks the vertices whose layers are unpacked.
	runs    map[string]bool
	unpacks map[*Node]bool
}

// Node is a vertex with its history.
type Node struct {
	Vertex
	// Spans are the times in which it ran. A vertex may run more than once.
	Spans []Span
	// earlier is true if another build started it, before this one began.
	earlier bool
	// tail is the end of its output.
	tail []byte
	// Statuses are the latest states of its parts, in the order in which the parts first appeared.
	Statuses []Status
	// statusIndex has the index of each status by its ID. It is nil in a node with few.
	statusIndex map[string]int
}

// Span is a period of time. End is zero if it has not ended.
type Span struct{ Start, End time.Time }

// NewGraph returns an empty graph.
func NewGraph() *Graph {
	return &Graph{byDigest: map[string]*Node{}, runs: map[string]bool{}, unpacks: map[*Node]bool{}}
}

// SharedSince tells the graph that its builder runs other builds too, and when its own build began. BuildKit shows a vertex
// that another build has run as if it had run in this one, for as long as the other is running. Such a vertex counts as
// cached, and what it did before as nothing.
func (g *Graph) SharedSince(begin time.Time) { g.since = begin }

// Observe adds an event to the graph.
func (g *Graph) Observe(event Event) {
	for _, vertex := range event.Vertexes {
		g.observeVertex(vertex)
	}
	for _, status := range event.Statuses {
		g.observeStatus(status)
	}
	for _, entry := range event.Logs {
		if node := g.byDigest[entry.Vertex]; node != nil {
			node.observeLog(entry.Data)
		}
	}
}

// maxTail is the number of bytes that a node keeps of its output.
const maxTail = 4 << 10

// observeLog keeps the end of the output.
func (n *Node) observeLog(data []byte) {
	data = data[max(0, len(data)-maxTail):]
	n.tail = append(n.tail[max(0, len(n.tail)+len(data)-maxTail):], data...)
}

func (g *Graph) observeVertex(vertex Vertex) {
	node := g.byDigest[vertex.Digest]
	if node == nil {
		node = &Node{}
		g.byDigest[vertex.Digest] = node
		g.nodes = append(g.nodes, node)
	} else {
		vertex.Digest = node.Digest
	}
	for i, input := range vertex.Inputs {
		// Share the text of digests, because there may be tens of thousands.
		if known := g.byDigest[input]; known != nil {
			vertex.Inputs[i] = known.Digest
		}
	}
	node.earlier = node.earlier || g.cut(&vertex)
	cached := node.Cached || vertex.Cached || node.earlier
	node.Vertex = vertex
	node.Cached = cached
	if vertex.Started == nil {
		return
	}
	span := Span{Start: *vertex.Started}
	if vertex.Completed != nil {
		span.End = *vertex.Completed
	}
	if last := len(node.Spans) - 1; last >= 0 && node.Spans[last].Start.Equal(span.Start) {
		node.Spans[last] = span
		return
	}
	node.Spans = append(node.Spans, span)
}

// cut cuts off what a vertex did before the build began, and reports whether that was anything.
func (g *Graph) cut(vertex *Vertex) bool {
	if vertex.Started == nil || vertex.Error != "" || !vertex.Started.Before(g.since) {
		return false
	}
	vertex.Started = &g.since
	if vertex.Completed != nil && vertex.Completed.Before(g.since) {
		vertex.Completed = &g.since
	}
	return true
}

// manyStatuses is the number of statuses from which a node has an index of them.
const manyStatuses = 16

func (g *Graph) observeStatus(status Status) {
	node := g.byDigest[status.Vertex]
	if node == nil {
		return
	}
	status.Vertex = node.Digest
	if i, ok := node.indexOf(status.ID); ok {
		node.Statuses[i] = status
		return
	}
	if node.statusIndex != nil {
		node.statusIndex[status.ID] = len(node.Statuses)
	}
	node.Statuses = append(node.Statuses, status)
}

// indexOf returns the index in Statuses of the status with the ID.
func (n *Node) indexOf(id string) (index int, ok bool) {
	if len(n.Statuses) < manyStatuses {
		index = slices.IndexFunc(n.Statuses, func(s Status) bool { return s.ID == id })
		return index, index >= 0
	}
	if n.statusIndex == nil {
		n.statusIndex = make(map[string]int, len(n.Statuses))
		for i, status := range n.Statuses {
			n.statusIndex[status.ID] = i
		}
	}
	index, ok = n.statusIndex[id]
	return index, ok
}

// Nodes returns the vertices in the order in which they appeared.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Find returns the vertex with the digest, or nil.
func (g *Graph) Find(digest string) *Node { return g.byDigest[digest] }

// Cancelled reports whether the vertex was cancelled: the build ended, or its result was not needed any more.
func (n *Node) Cancelled() bool { return errortext.IsCancelled(n.Error) }

// Seconds returns how long the vertex ran. Overlapping spans count once.
func (n *Node) Seconds() float64 {
	return union(n.Spans).Seconds()
}
