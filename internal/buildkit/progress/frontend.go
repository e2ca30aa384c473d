package progress

import (
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// resolvePrefix starts the name of the vertex that resolves an image for BuildKit itself: a frontend or an
// SBOM scanner. The vertices of base images have other names.
//
// https://github.com/moby/buildkit/blob/v0.34.2/solver/llbsolver/bridge.go (resolveSourceMetadata)
const resolvePrefix = "resolve image config for "

// Frontend returns the image that parsed the Dockerfile (`# syntax=`, BUILDKIT_SYNTAX), or "" if BuildKit's
// own frontend did. A frontend cannot hide, because BuildKit resolves it before it runs and names vertices.
// scanners are images that BuildKit resolves in the same way but that are not frontends.
func (g *Graph) Frontend(scanners []string) string {
	for _, node := range g.nodes {
		image, ok := strings.CutPrefix(node.Name, resolvePrefix)
		image = strings.TrimPrefix(image, "docker-image://")
		if ok && !slices.ContainsFunc(scanners, func(scanner string) bool { return repositoryOf(scanner) == repositoryOf(image) }) {
			return image
		}
	}
	return ""
}

// repositoryOf returns the full name of an image's repository, or the text itself if it is not a valid image
// name.
func repositoryOf(image string) string {
	ref, err := name.ParseReference(image)
	if err != nil {
		return image
	}
	return ref.Context().Name()
}
