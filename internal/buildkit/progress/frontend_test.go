package progress

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFrontend(t *testing.T) {
	const definition, metadata = "[internal] load build definition from Dockerfile", "[internal] load metadata for docker.io/library/busybox:1"
	scanners := []string{"docker/buildkit-syft-scanner"}
	cases := []struct {
		name  string
		names []string
		want  string
	}{
		{"a build without vertices has none", nil, ""},
		{"BuildKit's own frontend resolves only base images", []string{definition, metadata}, ""},
		{"a frontend is resolved first", []string{definition, "resolve image config for docker-image://docker.io/docker/dockerfile:1", metadata}, "docker.io/docker/dockerfile:1"},
		{"older versions name the image without a scheme", []string{"resolve image config for docker.io/docker/dockerfile:1"}, "docker.io/docker/dockerfile:1"},
		{"a frontend cannot hide behind another", []string{"resolve image config for docker-image://evil.example/x:1", "resolve image config for docker-image://docker.io/docker/dockerfile:1"}, "evil.example/x:1"},
		{"an SBOM scanner is not a frontend", []string{definition, "resolve image config for docker-image://docker.io/docker/buildkit-syft-scanner:stable-1"}, ""},
		{"a repository whose name only ends like the scanner's is a frontend", []string{"resolve image config for docker-image://evil.example/docker/buildkit-syft-scanner:1"}, "evil.example/docker/buildkit-syft-scanner:1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			graph := NewGraph()
			for _, name := range c.names {
				graph.Observe(Event{Vertexes: []Vertex{{Digest: digestOf(name), Name: name}}})
			}
			assert.Equal(t, c.want, graph.Frontend(scanners))
		})
	}
}
