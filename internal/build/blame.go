package build

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/progress"
)

var (
	// ownFault is how BuildKit tells of a step that failed by itself, and of a machine that cannot go on.
	ownFault = regexp.MustCompile(`did not complete successfully|no space left on device|disk quota exceeded|read-only file system|input/output error`)
	// corrupt is how BuildKit tells of content that is not what its digest says.
	corrupt = regexp.MustCompile(`unexpected commit digest|failed size validation|Requested Range Not Satisfiable`)
	// address is a URL in an error.
	address = regexp.MustCompile(`https?://[^\s"]+`)
	// place is what a registry's URL names after the host.
	place = regexp.MustCompile(`^/v2/(.+)/(?:blobs|manifests)/`)
	// garbled is how an error looks of content that is no layer: BuildKit does not compare a cache's manifest with its digest.
	garbled = regexp.MustCompile(`stream processor|failed to (?:extract|unpack|apply|decompress)|archive/tar|\b(?:zstd|gzip): |invalid tar header|magic number|unexpected media ?type`)
	// torn is how an error looks of content that was being fetched.
	torn = regexp.MustCompile(`httpReadSeeker|failed to copy|short read|unexpected EOF|connection reset|broken pipe|i/o timeout|TLS handshake timeout|http2: `)
)

// blamed finds the cache that made a build fail: one whose repository an error names, or one that a layer was fetched from
// which an error names, which is no layer, or which was not fetched to its end. A step that failed by itself is nobody's fault but its own.
func blamed(graph *progress.Graph, refs []string) (trouble, bool) {
	failures := graph.Failures()
	if slices.ContainsFunc(failures, ownFault.MatchString) {
		return trouble{}, false
	}
	read := readFrom(graph, refs)
	if read == "" {
		return trouble{}, false
	}
	layers, complete, _ := graph.Fetched()
	for _, problem := range failures {
		ref, elsewhere := named(problem, refs)
		switch {
		case ref != "":
			return trouble{refs: []string{ref}, problem: problem}, true
		case elsewhere:
		case slices.ContainsFunc(layers, func(layer string) bool { return strings.Contains(problem, layer) }),
			garbled.MatchString(problem) && len(layers) > 0, torn.MatchString(problem) && !complete:
			return trouble{refs: []string{read}, problem: problem}, true
		}
	}
	return trouble{}, false
}

// readFrom is the first cache that was read; empty where none was.
func readFrom(graph *progress.Graph, refs []string) string {
	for _, attempt := range graph.Imports() {
		if attempt.Error == "" && slices.Contains(refs, attempt.Ref) {
			return attempt.Ref
		}
	}
	return ""
}

// named is the cache whose repository a URL in the error is in; elsewhere says that there is one of another repository.
func named(problem string, refs []string) (ref string, elsewhere bool) {
	for _, text := range address.FindAllString(problem, -1) {
		at, err := url.Parse(text)
		if err != nil {
			continue
		}
		match := place.FindStringSubmatch(at.Path)
		if match == nil {
			continue // Storage that a registry sends its readers to.
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
