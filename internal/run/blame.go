package run

import (
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
)

// place matches the path of a registry's URL.
var place = regexp.MustCompile(`^/v2/(.+)/(?:blobs|manifests)/`)

// blamedCache returns the cache that made a build fail, or nil. An error blames a cache if it names the
// cache's repository, names a layer that was downloaded from it, or is about a layer that is corrupt or
// incomplete. A step that failed by itself blames no cache.
func blamedCache(graph *progress.Graph, refs []string) *cacheFailure {
	failures := graph.Failures()
	if slices.ContainsFunc(failures, errortext.IsOwnFault) {
		return nil
	}
	read := readFrom(graph, refs)
	if read == "" {
		return nil
	}
	layers, complete, _ := graph.Fetched()
	for _, problem := range failures {
		ref, elsewhere := namedCache(problem, refs)
		switch {
		case ref != "":
			return &cacheFailure{refs: []string{ref}, problem: problem}
		case elsewhere:
		case slices.ContainsFunc(layers, func(layer string) bool { return strings.Contains(problem, layer) }),
			errortext.IsNotALayer(problem) && len(layers) > 0, errortext.IsInterrupted(problem) && !complete:
			return &cacheFailure{refs: []string{read}, problem: problem}
		}
	}
	return nil
}

// readFrom returns the first cache that was imported, or "".
func readFrom(graph *progress.Graph, refs []string) string {
	for _, attempt := range graph.Imports() {
		if attempt.Error == "" && slices.Contains(refs, attempt.Ref) {
			return attempt.Ref
		}
	}
	return ""
}

// namedCache returns the cache whose repository is in a URL in the error, or "". elsewhere is true if a URL
// has another repository.
func namedCache(problem string, refs []string) (ref string, elsewhere bool) {
	for _, at := range errortext.URLs(problem) {
		match := place.FindStringSubmatch(at.Path)
		if match == nil {
			continue // A URL of storage to which a registry redirects.
		}
		for _, ref := range refs {
			if cache, err := name.ParseReference(ref); err == nil && cache.Context().RegistryStr() == at.Host && cache.Context().RepositoryStr() == match[1] {
				return ref, false
			}
		}
		elsewhere = true
	}
	return "", elsewhere
}
