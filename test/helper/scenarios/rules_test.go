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
	"github.com/layercache/layercache/test/kit/localecr"
)

// steps returns buildctl's counts without the vertices that the helper does not count as steps: see excluded.
func (g truth) steps() (hits, counted int) {
	counted, missed := g.metrics.UserCacheable, g.metrics.Miss
	for _, vertex := range g.vertices {
		if !excluded(vertex) && !g.fetches(vertex) {
			continue
		}
		counted--
		if !vertex.Cached {
			missed--
		}
	}
	return counted - missed, counted
}

// linked matches the vertex that merges the result of a COPY --link with its base.
var linked = regexp.MustCompile(`^\[.*\] LINK `)

// internal matches BuildKit's own vertices that buildctl counts as the user's: those of a build for several
// platforms, "[linux/amd64 internal] …", and those that load a named context.
var internal = regexp.MustCompile(`^\[(?:\S+ internal|context .*)\] `)

// excluded reports whether buildctl counts a vertex that the helper does not count. The helper counts a COPY
// --link as one step instead of two, because merging a cached layer with another base runs nothing and
// fetches nothing. A vertex that never completed, because an earlier one failed, is neither a hit nor a miss.
// BuildKit's internal vertices are not steps.
func excluded(vertex progress.Vertex) bool {
	return linked.MatchString(vertex.Name) || internal.MatchString(vertex.Name) || vertex.Completed == nil
}

// fetches reports whether the vertex downloads the source of an ADD of a URL or repository. This vertex runs
// in every build and has the same name as the vertex that copies the files. The helper counts both as one
// step.
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

// verdict returns the verdict that the helper must give, from the counts and from the content of the registry
// before the build.
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

// holding is the content of the registry at a ref.
type holding struct {
	// image means that the ref is an image and not a cache. damaged means that the config cannot be read.
	image, damaged bool
	repository     string
	// config and layers are the digests of a cache.
	config string
	layers []string
}

// holdings returns the content of the registry at the refs.
func (w *machine) holdings(refs []string) []holding {
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

// fetchedIn returns the digests of the caches' configs and layers that clients fetched from the caches'
// repositories, sorted and without duplicates.
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
