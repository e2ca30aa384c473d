package progress

import (
	"slices"
	"strings"
	"time"
)

// Graph is the state of a build: its vertices, in the order in which they appeared in the stream.
type Graph struct {
	nodes    []*Node
	byDigest map[string]*Node
}

// Node is a vertex with its history.
type Node struct {
	Vertex
	// Spans are the times in which it ran. A vertex may run more than once.
	Spans []Span
	// Statuses are the latest states of its parts, in the order in which the parts first appeared.
	Statuses []Status
	// statusIndex has the index of each status by its ID. It is nil in a node with few.
	statusIndex map[string]int
}

// Span is a period of time. End is zero if it has not ended.
type Span struct{ Start, End time.Time }

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{byDigest: map[string]*Node{}} }

// Observe adds an event to the graph.
func (g *Graph) Observe(event Event) {
	for _, vertex := range event.Vertexes {
		g.observeVertex(vertex)
	}
	for _, status := range event.Statuses {
		g.observeStatus(status)
	}
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
	cached := node.Cached || vertex.Cached
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
func (n *Node) Cancelled() bool { return strings.HasSuffix(n.Error, "context canceled") }

// Seconds returns how long the vertex ran. Overlapping spans count once.
func (n *Node) Seconds() float64 {
	return union(n.Spans).Seconds()
}
