package progress

import (
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/errortext"
)

const (
	// inlineExport is a status of the image's export with an inline cache.
	inlineExport = "preparing layers for inline cache"
	// emptyExport is a status of an export without any step to write.
	emptyExport  = "skipping cache export for empty result"
	importPrefix = "importing cache manifest from "
	exportPrefix = "exporting cache to "
	// imageExportPrefix begins every export of the build's result.
	imageExportPrefix = "exporting to "
	configPrefix      = "writing config "
	manifestPrefix    = "writing cache image manifest "
)

// Import is one attempt to import a cache.
type Import struct {
	// Ref is the cache's ref.
	Ref string
	// Error is why it failed. The build continues without the cache.
	Error string
	// Ended is true once the attempt has ended.
	Ended bool
}

// IsAbsent reports whether the import failed because there is no such cache, or because a part of it was deleted.
func (i Import) IsAbsent() bool { return i.Error != "" && errortext.IsAbsent(i.Error) }

// Imports returns the attempts to import a cache. BuildKit names a registry cache by its ref.
func (g *Graph) Imports() []Import {
	var imports []Import
	for _, node := range g.nodes {
		if attempt, ok := node.Import(); ok {
			imports = append(imports, attempt)
		}
	}
	return imports
}

// Import returns the attempt to import a cache. It is false for all other vertices.
func (n *Node) Import() (Import, bool) {
	ref, ok := strings.CutPrefix(n.Name, importPrefix)
	return Import{Ref: ref, Error: n.Error, Ended: n.Completed != nil}, ok
}

// IsImport reports whether the vertex imports a cache.
func IsImport(vertex Vertex) bool { return strings.HasPrefix(vertex.Name, importPrefix) }

// Export is the result of the export of a cache.
type Export struct {
	// Attempted is true if there was an export.
	Attempted bool
	// Empty is true if there was no step to write.
	Empty bool
	// Error is why it failed.
	Error string
	// Config is the digest of the cache's config. Equal caches have equal configs, but their manifests may
	// list the layers in a different order.
	Config string
	// Manifest is the digest of the cache's manifest.
	Manifest string
}

// Export returns the result of the cache's export. An inline cache is exported with the image.
func (g *Graph) Export() Export {
	var export Export
	for _, node := range g.nodes {
		if !strings.HasPrefix(node.Name, exportPrefix) {
			export.Attempted = export.Attempted || node.hasStatus(inlineExport)
			continue
		}
		export.Attempted = true
		export.Empty = export.Empty || node.hasStatus(emptyExport)
		if node.Error != "" {
			export.Error = node.Error
		}
		for _, status := range node.Statuses {
			if digest, ok := strings.CutPrefix(status.ID, configPrefix); ok {
				export.Config = digest
			}
			if digest, ok := strings.CutPrefix(status.ID, manifestPrefix); ok {
				export.Manifest = digest
			}
		}
	}
	return export
}

func (n *Node) hasStatus(id string) bool {
	return slices.ContainsFunc(n.Statuses, func(s Status) bool { return s.ID == id })
}
