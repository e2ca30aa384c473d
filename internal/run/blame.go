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
	// ownFault matches BuildKit's error for a step that failed by itself, and for a machine that cannot continue.
	ownFault = regexp.MustCompile(`did not complete successfully|no space left on device|disk quota exceeded|read-only file system|input/output error`)
	// corrupt matches BuildKit's error for content that does not have its digest.
	corrupt = regexp.MustCompile(`unexpected commit digest|failed size validation|Requested Range Not Satisfiable`)
	// address matches a URL in an error.
	address = regexp.MustCompile(`https?://[^\s"]+`)
	// place matches the path of a registry's URL.
	place = regexp.MustCompile(`^/v2/(.+)/(?:blobs|manifests)/`)
	// garbled matches errors for content that is not a layer: BuildKit does not compare a cache's manifest with its digest.
	garbled = regexp.MustCompile(`stream processor|failed to (?:extract|unpack|apply|decompress)|archive/tar|\b(?:zstd|gzip): |invalid tar header|magic number|unexpected media ?type`)
	// torn matches errors for a download that broke off.
	torn = regexp.MustCompile(`httpReadSeeker|failed to copy|short read|unexpected EOF|connection reset|broken pipe|i/o timeout|TLS handshake timeout|http2: `)
)

// blamedCache returns the cache that made a build fail, nil where none did. An error blames a cache when it names the cache's
// repository, or names a layer that was fetched from it, or is about a layer that is corrupt or was not fetched completely.
// A step that failed by itself blames no cache.
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
		ref, elsewhere := named(problem, refs)
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

// readFrom returns the first cache that was read; empty where none was.
func readFrom(graph *progress.Graph, refs []string) string {
	for _, attempt := range graph.Imports() {
		if attempt.Error == "" && slices.Contains(refs, attempt.Ref) {
			return attempt.Ref
		}
	}
	return ""
}

// named returns the cache whose repository a URL in the error names. elsewhere is true where a URL names another repository.
func named(problem string, refs []string) (ref string, elsewhere bool) {
	for _, text := range address.FindAllString(problem, -1) {
		at, err := url.Parse(text)
		if err != nil {
			continue
		}
		match := place.FindStringSubmatch(at.Path)
		if match == nil {
			continue // Storage that a registry redirects to.
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
