package progress

import "strings"

// Ahead returns the instructions that contain text and are now certain to run. It returns each instruction once, for the
// event that makes it certain.
//
// BuildKit runs a step only if no result after it in its stage is in a cache, so once one step runs, all after it in its
// stage do. It unpacks the layers below a step under the name of the step before it, and for no other reason if that one is
// used by a single step of the same stage.
func (g *Graph) Ahead(event Event, text string) []string {
	var ahead []string
	for _, vertex := range event.Vertexes {
		if node := g.byDigest[vertex.Digest]; node != nil && node.Started != nil && node.Completed == nil {
			ahead = append(ahead, g.aheadFrom(node, text)...)
		}
	}
	for _, status := range event.Statuses {
		node := g.byDigest[status.Vertex]
		if node == nil || !strings.HasPrefix(status.ID, unpackPrefix) || g.unpacks[node] {
			continue
		}
		g.unpacks[node] = true
		if next := g.onlyUser(node); next != nil && next.place() == node.place() {
			ahead = append(ahead, g.aheadFrom(next, text)...)
		}
	}
	return ahead
}

// aheadFrom returns the instructions with the text from the first step that runs in its stage on.
func (g *Graph) aheadFrom(node *Node, text string) []string {
	first, ok := node.step()
	if !ok || node.Cached || first.IsFrom() || g.runs[first.place] {
		return nil
	}
	g.runs[first.place] = true
	var ahead []string
	for _, other := range g.nodes {
		if !strings.Contains(other.Name, text) {
			continue
		}
		if step, ok := other.step(); ok && step.place == first.place && step.Index >= first.Index {
			ahead = append(ahead, step.Instruction)
		}
	}
	return ahead
}

// place returns the platform and stage of a step, and "" for other vertices.
func (n *Node) place() string {
	step, _ := n.step()
	return step.place
}

// onlyUser returns the only vertex that uses the result of the node, and nil if there are none or several.
func (g *Graph) onlyUser(node *Node) *Node {
	var user *Node
	for _, other := range g.nodes {
		for _, input := range other.Inputs {
			switch {
			case input != node.Digest || other == user:
			case user != nil:
				return nil
			default:
				user = other
			}
		}
	}
	return user
}
