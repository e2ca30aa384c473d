package progress

import (
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// resolvePrefix begins the name of the vertex that looks up an image for BuildKit itself: a frontend, or an SBOM's scanner.
// Base images have names of another form.
//
// https://github.com/moby/buildkit/blob/v0.34.2/solver/llbsolver/bridge.go (resolveSourceMetadata)
const resolvePrefix = "resolve image config for "

// Frontend returns the image that read the Dockerfile (`# syntax=`, BUILDKIT_SYNTAX); empty where it was BuildKit's own code.
// It is looked up before it runs, and so before it can name a vertex. scanners are the images that BuildKit looks up alike.
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

// repositoryOf returns the full name of an image's repository; a text that is no image stays as it is.
func repositoryOf(image string) string {
	ref, err := name.ParseReference(image)
	if err != nil {
		return image
	}
	return ref.Context().Name()
}
