package progress

import (
	"slices"
	"strings"
)

// metadataPrefix is in the name of the vertex that resolves an image of the Dockerfile, after the platform if
// there are several. The image is written as in the Dockerfile, with variables replaced.
//
// https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/dockerfile2llb/convert.go (toDispatchState)
const metadataPrefix = "internal] load metadata for "

// Pinned returns the images that the build named by digest: base images, images that files are copied from,
// and frontends. Duplicates are left out.
func (g *Graph) Pinned() []string {
	var images []string
	for _, node := range g.nodes {
		image, ok := strings.CutPrefix(node.Name, resolvePrefix+"docker-image://")
		if !ok && strings.HasPrefix(node.Name, "[") {
			_, image, ok = strings.Cut(node.Name, metadataPrefix)
		}
		if ok && strings.Contains(image, "@") && !slices.Contains(images, image) {
			images = append(images, image)
		}
	}
	return images
}
