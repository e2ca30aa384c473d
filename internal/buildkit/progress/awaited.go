package progress

import (
	"slices"
	"strings"
)

// Awaited is the work on the cache that a build waits for.
type Awaited string

// The values of Awaited.
const (
	// AwaitsNothing: other work is in progress too.
	AwaitsNothing Awaited = ""
	// AwaitsImport: a cache is being imported, and no step can start before.
	AwaitsImport Awaited = "import"
	// AwaitsPull: the layers of a cached step are being downloaded.
	AwaitsPull Awaited = "pull"
	// AwaitsExport: everything but the export of the cache is done.
	AwaitsExport Awaited = "export"
)

// Awaited returns the work on the cache that the build waits for, if it waits for nothing else. A step that
// has started also waits if it needs a cached step whose layers are still being downloaded.
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

// waits reports whether the vertex needs one whose layers are being downloaded. The export of the image needs
// all.
func (g *Graph) waits(node *Node, pulling, known map[string]bool) bool {
	if strings.HasPrefix(node.Name, imageExportPrefix) {
		return len(pulling) > 0
	}
	return g.needs(node.Digest, pulling, known)
}

// needs reports whether the vertex, or a direct or indirect input of it, is in pulling. known holds earlier
// results.
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

// fetching reports whether a layer of the vertex's result is being downloaded.
func (n *Node) fetching() bool {
	return slices.ContainsFunc(n.Statuses, func(s Status) bool { return isLayer(s) && s.Started != nil && s.Completed == nil })
}

func isLayer(s Status) bool { return strings.HasPrefix(s.ID, "sha256:") }

// Fetched returns the layers that were downloaded for cached steps, whether all downloads are complete, and
// the number of bytes so far.
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

// IsExporting reports whether all steps have ended and the result is being exported.
func (g *Graph) IsExporting() bool {
	return slices.ContainsFunc(g.nodes, func(node *Node) bool { return strings.HasPrefix(node.Name, "exporting to ") })
}

// pushedPrefix starts the id of the last status of an image's push. The vertex may end before it, and start again.
const pushedPrefix = "pushing manifest for "

// HasExported reports whether the result was exported, and pushed if pushes is true, and no vertex failed. It is false for
// a build that exports nothing.
func (g *Graph) HasExported(pushes bool) bool {
	exported := func(node *Node) bool {
		if !strings.HasPrefix(node.Name, imageExportPrefix) || node.Completed == nil {
			return false
		}
		return !pushes || slices.ContainsFunc(node.Statuses, func(s Status) bool { return strings.HasPrefix(s.ID, pushedPrefix) && s.Completed != nil })
	}
	return slices.ContainsFunc(g.nodes, exported) && len(g.Failures()) == 0
}

// ExportsCache reports whether a cache is being exported.
func (g *Graph) ExportsCache() bool {
	return slices.ContainsFunc(g.nodes, func(node *Node) bool {
		return strings.HasPrefix(node.Name, exportPrefix) && node.Completed == nil
	})
}

// Failures returns the errors of all vertices except the import and export of the cache, which do not fail a
// build.
func (g *Graph) Failures() []string {
	var failures []string
	for _, node := range g.Failed() {
		failures = append(failures, node.Error)
	}
	return failures
}

// Failed returns the vertices that Failures has the errors of.
func (g *Graph) Failed() []*Node {
	var failed []*Node
	for _, node := range g.nodes {
		if node.Error != "" && !node.isCacheTransfer() {
			failed = append(failed, node)
		}
	}
	return failed
}

// IsImageExport reports whether the vertex exports the image, and so pushes it.
func (g *Graph) IsImageExport(digest string) bool {
	node := g.byDigest[digest]
	return node != nil && strings.HasPrefix(node.Name, imageExportPrefix)
}

// IsCacheWork reports whether the vertex imports or exports a cache, or came from one. Its log then comes
// from BuildKit, not from a step of the Dockerfile.
func (g *Graph) IsCacheWork(digest string) bool {
	node := g.byDigest[digest]
	return node != nil && (node.Cached || node.isCacheTransfer())
}

// isCacheTransfer reports whether the vertex imports or exports a cache.
func (n *Node) isCacheTransfer() bool {
	return strings.HasPrefix(n.Name, importPrefix) || strings.HasPrefix(n.Name, exportPrefix)
}
