package progress

import (
	"slices"
	"strings"
)

const (
	// inlineExport is a status of the image's export.
	inlineExport = "preparing layers for inline cache"
	// emptyExport is a status of an export that found no step with a result.
	emptyExport    = "skipping cache export for empty result"
	importPrefix   = "importing cache manifest from "
	exportPrefix   = "exporting cache to "
	configPrefix   = "writing config "
	manifestPrefix = "writing cache image manifest "
)

// Import is one attempt to read a cache.
type Import struct {
	// Ref is what was read.
	Ref string
	// Error is why it could not be; the build goes on without.
	Error string
	// Ended says that the attempt has come to an end.
	Ended bool
}

// Imports returns the attempts to read a cache. BuildKit names one that comes from a registry by its ref.
func (g *Graph) Imports() []Import {
	var imports []Import
	for _, node := range g.nodes {
		if ref, ok := strings.CutPrefix(node.Name, importPrefix); ok {
			imports = append(imports, Import{Ref: ref, Error: node.Error, Ended: node.Completed != nil})
		}
	}
	return imports
}

// Export is what became of the cache's export.
type Export struct {
	// Attempted says that there was one.
	Attempted bool
	// Empty says that there was no step whose result could be written.
	Empty bool
	// Error is why it failed.
	Error string
	// Config is the digest of the cache's config. What is in a cache is all in its config: two exports of the same have the
	// same, while their manifests may list the layers in another order.
	Config string
	// Manifest is the digest of the cache's manifest.
	Manifest string
}

// Export returns what became of the cache's export. An inline cache is a part of the image.
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
