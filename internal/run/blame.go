package run

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

var (
	// ownFault matches BuildKit's errors for a step that failed by itself, and for a disk that is full or
	// fails.
	ownFault = regexp.MustCompile(`did not complete successfully|no space left on device|disk quota exceeded|read-only file system|input/output error`)
	// corrupt matches BuildKit's error for content that does not have its digest.
	corrupt = regexp.MustCompile(`unexpected commit digest|failed size validation|Requested Range Not Satisfiable`)
	// address matches a URL in an error.
	address = regexp.MustCompile(`https?://[^\s"]+`)
	// place matches the path of a registry's URL.
	place = regexp.MustCompile(`^/v2/(.+)/(?:blobs|manifests)/`)
	// garbled matches errors for content that is not a layer: BuildKit does not compare a cache's manifest
	// with its digest.
	garbled = regexp.MustCompile(`stream processor|failed to (?:extract|unpack|apply|decompress)|archive/tar|\b(?:zstd|gzip): |invalid tar header|magic number|unexpected media ?type`)
	// torn matches errors for an interrupted download.
	torn = regexp.MustCompile(`httpReadSeeker|failed to copy|short read|unexpected EOF|connection reset|broken pipe|i/o timeout|TLS handshake timeout|http2: `)
)

// blamedCache returns the cache that made a build fail, or nil. An error blames a cache if it names the
// cache's repository, names a layer that was downloaded from it, or is about a layer that is corrupt or
// incomplete. A step that failed by itself blames no cache.
func blamedCache(graph *progress.Graph, refs []string) *cacheFailure {
	failures := graph.Failures()
	if slices.ContainsFunc(failures, ownFault.MatchString) {
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
			garbled.MatchString(problem) && len(layers) > 0, torn.MatchString(problem) && !complete:
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
	for _, text := range address.FindAllString(problem, -1) {
		at, err := url.Parse(text)
		if err != nil {
			continue
		}
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
