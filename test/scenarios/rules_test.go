package scenarios

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/test/localecr"
)

// steps are buildctl's counts, less the vertices that the helper does not take for steps: see apart.
func (g truth) steps() (hits, counted int) {
	counted, missed := g.metrics.UserCacheable, g.metrics.Miss
	for _, vertex := range g.vertices {
		if !apart(vertex) && !g.fetches(vertex) {
			continue
		}
		counted--
		if !vertex.Cached {
			missed--
		}
	}
	return counted - missed, counted
}

// linked is the vertex that lays the result of a COPY --link over its base.
var linked = regexp.MustCompile(`^\[.*\] LINK `)

// internal are BuildKit's own vertices that buildctl takes for the user's: it knows neither those of a build for several
// platforms, "[linux/amd64 internal] …", nor those that load a named context.
var internal = regexp.MustCompile(`^\[(?:\S+ internal|context .*)\] `)

// apart says where our rules and buildctl's differ. To the helper a COPY --link is one step and not two: laying a cached
// layer over another base runs nothing and fetches nothing. A vertex that never ended, behind one that failed, is neither a
// hit nor a miss. What BuildKit does for itself is no step.
func apart(vertex progress.Vertex) bool {
	return linked.MatchString(vertex.Name) || internal.MatchString(vertex.Name) || vertex.Completed == nil
}

// fetches says that the vertex fetches what an ADD of a URL or of a repository copies. It has the name of its step, which is
// another vertex, and runs in every build: to the helper the two are one step.
func (g truth) fetches(vertex progress.Vertex) bool {
	if len(vertex.Inputs) > 0 || !strings.Contains(vertex.Name, "] ADD ") {
		return false
	}
	for _, other := range g.vertices {
		if other.Name == vertex.Name && len(other.Inputs) > 0 {
			return true
		}
	}
	return false
}

// verdict is what the helper has to say, by the counts and by what the registry held before.
func (g truth) verdict(held []holding) string {
	hits, counted := g.steps()
	switch {
	case counted > 0 && hits == counted:
		return verdict.Used
	case hits > 0:
		return verdict.PartlyUsed
	case slices.ContainsFunc(held, func(h holding) bool { return h.image }):
		return verdict.Overwritten
	case slices.ContainsFunc(held, func(h holding) bool { return h.damaged }):
		return verdict.ImportFailed
	}
	return verdict.Cold
}

// holding is what the registry holds at a ref.
type holding struct {
	// image says that it is no cache; damaged, that the cache's config cannot be had.
	image, damaged bool
	repository     string
	// config and layers are the digests of a cache.
	config string
	layers []string
}

// holdings asks the registry for what it holds at the refs.
func (w *world) holdings(refs []string) []holding {
	w.t.Helper()
	held := make([]holding, len(refs))
	for i, ref := range refs {
		parsed, err := name.ParseReference(ref)
		require.NoError(w.t, err)
		held[i].repository = parsed.Context().RepositoryStr()
		image, err := remote.Image(parsed)
		if err != nil {
			continue
		}
		manifest, err := image.Manifest()
		require.NoError(w.t, err)
		h := &held[i]
		h.image = !strings.Contains(string(manifest.Config.MediaType), "cacheconfig")
		h.config = manifest.Config.Digest.String()
		if _, err := image.RawConfigFile(); err != nil {
			h.damaged = true
		}
		for _, layer := range manifest.Layers {
			h.layers = append(h.layers, layer.Digest.String())
		}
	}
	return held
}

var blobPath = regexp.MustCompile(`^/v2/(.+)/blobs/(sha256:[0-9a-f]{64})$`)

// fetchedIn are the parts of the caches, config and layers, that were sent out of the caches' repositories, in order, each once.
func fetchedIn(log []localecr.Entry, held []holding) []string {
	fetched := []string{}
	for _, entry := range log {
		match := blobPath.FindStringSubmatch(entry.Path)
		if match == nil || entry.Method != http.MethodGet || entry.Status >= 300 {
			continue
		}
		if slices.ContainsFunc(held, func(h holding) bool { return h.has(match[1], match[2]) }) {
			fetched = append(fetched, match[2])
		}
	}
	slices.Sort(fetched)
	return slices.Compact(fetched)
}

func (h holding) has(repository, digest string) bool {
	return h.repository == repository && (h.config == digest || slices.Contains(h.layers, digest))
}
