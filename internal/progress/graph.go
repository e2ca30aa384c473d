package progress

import "time"

// Graph is what the stream has said so far, vertex by vertex, in the order in which they appeared.
type Graph struct {
	nodes    []*Node
	byDigest map[string]*Node
	// statuses is where each status is in its node.
	statuses map[statusKey]int
}

type statusKey struct{ vertex, id string }

// Node is a vertex with all that happened to it.
type Node struct {
	Vertex
	// Spans are the times in which it ran; a vertex may run more than once.
	Spans []Span
	// Statuses are its parts, by the order of their first appearance, in their last state.
	Statuses []Status
}

// Span is a stretch of time.
type Span struct{ Start, End time.Time }

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{byDigest: map[string]*Node{}, statuses: map[statusKey]int{}} }

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

func (g *Graph) observeStatus(status Status) {
	node := g.byDigest[status.Vertex]
	if node == nil {
		return
	}
	key := statusKey{status.Vertex, status.ID}
	if at, ok := g.statuses[key]; ok {
		node.Statuses[at] = status
		return
	}
	g.statuses[key] = len(node.Statuses)
	node.Statuses = append(node.Statuses, status)
}

// Nodes returns the vertices in the order in which they appeared.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Find returns the vertex with the digest, or nil.
func (g *Graph) Find(digest string) *Node { return g.byDigest[digest] }

// Seconds is the time that the vertex ran, its overlapping spans counted once.
func (n *Node) Seconds() float64 {
	return union(n.Spans).Seconds()
}
