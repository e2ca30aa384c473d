package progress

import (
	"slices"
	"strings"
)

// Awaited is the part of the cache that a build waits for.
type Awaited string

// The parts.
const (
	// AwaitsNothing: something else is going on, too.
	AwaitsNothing Awaited = ""
	// AwaitsImport: a cache is being read, and no step can begin before.
	AwaitsImport Awaited = "import"
	// AwaitsPull: what a step takes from the cache is being fetched.
	AwaitsPull Awaited = "pull"
	// AwaitsExport: all but the cache's export is done.
	AwaitsExport Awaited = "export"
)

// Awaited says for which part of the cache the build waits now, and for nothing else. A step that has begun and that takes
// from a cached step which is still being fetched waits as well.
func (g *Graph) Awaited() Awaited {
	awaited := AwaitsNothing
	pulling := map[string]bool{}
	var running []*Node
	for _, node := range g.nodes {
		if node.Cached && node.fetching() {
			pulling[node.Digest] = true
		}
		switch {
		case node.Started == nil || node.Completed != nil:
		case strings.HasPrefix(node.Name, importPrefix):
			awaited = AwaitsImport
		case strings.HasPrefix(node.Name, exportPrefix):
			awaited = AwaitsExport
		default:
			running = append(running, node)
		}
	}
	if len(pulling) > 0 {
		awaited = AwaitsPull
	}
	known := map[string]bool{}
	if awaited == AwaitsNothing || slices.ContainsFunc(running, func(node *Node) bool { return !g.waits(node, pulling, known) }) {
		return AwaitsNothing
	}
	return awaited
}

// waits says that the vertex needs one that is being fetched. The image's export needs whatever is.
func (g *Graph) waits(node *Node, pulling, known map[string]bool) bool {
	if strings.HasPrefix(node.Name, "exporting to ") {
		return len(pulling) > 0
	}
	return g.needs(node.Digest, pulling, known)
}

func (g *Graph) needs(digest string, pulling, known map[string]bool) bool {
	if needs, ok := known[digest]; ok {
		return needs
	}
	known[digest] = pulling[digest]
	if node := g.byDigest[digest]; node != nil && !pulling[digest] {
		known[digest] = slices.ContainsFunc(node.Inputs, func(input string) bool { return g.needs(input, pulling, known) })
	}
	return known[digest]
}

// fetching says that a layer of the vertex's result is being fetched.
func (n *Node) fetching() bool {
	return slices.ContainsFunc(n.Statuses, func(s Status) bool { return isLayer(s) && s.Started != nil && s.Completed == nil })
}

func isLayer(s Status) bool { return strings.HasPrefix(s.ID, "sha256:") }

// Fetched are the layers that were fetched for steps which came from a cache, complete those that have all arrived, and the
// bytes that have.
func (g *Graph) Fetched() (layers []string, complete bool, bytes int64) {
	complete = true
	for _, node := range g.nodes {
		if !node.Cached {
			continue
		}
		complete = complete && !node.fetching()
		for _, status := range node.Statuses {
			if isLayer(status) {
				layers = append(layers, status.ID)
				bytes += status.Current
			}
		}
	}
	return layers, complete, bytes
}

// Failures are the errors of all vertices but those that read and write the cache, which do not fail a build.
func (g *Graph) Failures() []string {
	var failures []string
	for _, node := range g.nodes {
		if node.Error != "" && !strings.HasPrefix(node.Name, importPrefix) && !strings.HasPrefix(node.Name, exportPrefix) {
			failures = append(failures, node.Error)
		}
	}
	return failures
}

// OfCache says that the vertex reads or writes a cache, or came from one: no step of the Dockerfile's prints there.
func (g *Graph) OfCache(digest string) bool {
	node := g.byDigest[digest]
	return node != nil && (node.Cached || strings.HasPrefix(node.Name, importPrefix) || strings.HasPrefix(node.Name, exportPrefix))
}
