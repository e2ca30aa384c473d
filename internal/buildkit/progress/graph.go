package progress

import (
	"slices"
	"strings"
	"time"
)

// Graph is what the stream has said so far, vertex by vertex, in the order in which they appeared.
type Graph struct {
	nodes    []*Node
	byDigest map[string]*Node
}

// Node is a vertex with all that happened to it.
type Node struct {
	Vertex
	// Spans are the times in which it ran; a vertex may run more than once.
	Spans []Span
	// Statuses are its parts, by the order of their first appearance, in their last state.
	Statuses []Status
	// places is where each status is, in a node that has many.
	places map[string]int
}

// Span is a stretch of time.
type Span struct{ Start, End time.Time }

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{byDigest: map[string]*Node{}} }

// Observe takes an event in.
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
		// One copy of a digest is enough: there may be tens of thousands.
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

// manyStatuses is from where on a node's statuses are looked up rather than searched.
const manyStatuses = 16

func (g *Graph) observeStatus(status Status) {
	node := g.byDigest[status.Vertex]
	if node == nil {
		return
	}
	status.Vertex = node.Digest
	if at, ok := node.placeOf(status.ID); ok {
		node.Statuses[at] = status
		return
	}
	if node.places != nil {
		node.places[status.ID] = len(node.Statuses)
	}
	node.Statuses = append(node.Statuses, status)
}

func (n *Node) placeOf(id string) (at int, ok bool) {
	if len(n.Statuses) < manyStatuses {
		at = slices.IndexFunc(n.Statuses, func(s Status) bool { return s.ID == id })
		return at, at >= 0
	}
	if n.places == nil {
		n.places = make(map[string]int, len(n.Statuses))
		for i, status := range n.Statuses {
			n.places[status.ID] = i
		}
	}
	at, ok = n.places[id]
	return at, ok
}

// Nodes returns the vertices in the order in which they appeared.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Find returns the vertex with the digest, or nil.
func (g *Graph) Find(digest string) *Node { return g.byDigest[digest] }

// Cancelled says that the vertex was ended from outside: with the build, or because its result was not needed any more.
func (n *Node) Cancelled() bool { return strings.HasSuffix(n.Error, "context canceled") }

// Seconds is the time that the vertex ran, its overlapping spans counted once.
func (n *Node) Seconds() float64 {
	return union(n.Spans).Seconds()
}
