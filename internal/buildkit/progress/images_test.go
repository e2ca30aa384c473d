package progress

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestImagesThatAreNamedByDigest(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	graph := NewGraph()
	for i, name := range []string{
		"[internal] load build definition from Dockerfile",
		"resolve image config for docker-image://docker.io/docker/dockerfile:1" + digest,
		"[internal] load metadata for docker.io/library/alpine:3.22" + digest,
		"[linux/arm64 internal] load metadata for docker.io/library/golang" + digest,
		"[linux/amd64 internal] load metadata for docker.io/library/golang" + digest,
		"[internal] load metadata for docker.io/library/busybox:1",
		"[1/2] FROM docker.io/library/busybox:1" + digest,
		"[2/2] RUN echo internal] load metadata for x:1" + digest[:4],
	} {
		graph.Observe(Event{Vertexes: []Vertex{{Digest: strconv.Itoa(i), Name: name}}})
	}
	assert.Equal(t, []string{
		"docker.io/docker/dockerfile:1" + digest, "docker.io/library/alpine:3.22" + digest, "docker.io/library/golang" + digest,
		"x:1@sha",
	}, graph.Pinned(), "a step with such a text does no harm, because its image is not found")
}
