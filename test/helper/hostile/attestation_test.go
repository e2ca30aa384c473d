//go:build linux

package hostile

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scan replaces docker/buildkit-syft-scanner, which is not available everywhere. It follows BuildKit's
// protocol for scanners and lists one package.
//
// https://github.com/moby/buildkit/blob/master/docs/attestations/sbom-protocol.md
const scan = `#!/bin/sh
test -e "$BUILDKIT_SCAN_SOURCE/text" || exit 1
cat > "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json" <<END
{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","subject":[],"predicate":{
"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"sbom","documentNamespace":"https://layercache.example/sbom",
"creationInfo":{"creators":["Tool: stand-in"],"created":"2026-01-01T00:00:00Z"},
"packages":[{"name":"busybox","SPDXID":"SPDXRef-1","downloadLocation":"NOASSERTION"}]}}
END
`

func TestTheCacheWorksWithAttestations(t *testing.T) {
	t.Parallel()
	p := secretiveProject(t)
	p.publishScanner("tools")
	p.env["LAYERCACHE_PROVENANCE"] = "mode=max"
	p.env["LAYERCACHE_SBOM"] = "generator=" + mirrorHost + "/tools:1"
	cold := p.succeeds(p.image())
	assert.Equal(t, "cold", cold.Verdict)
	assert.Equal(t, "yes", cold.Exported)
	first := p.attested()

	unchanged := p.succeeds(p.image())
	assert.Equal(t, "used", unchanged.Verdict, unchanged.log)
	assert.InDelta(t, 1.0, *unchanged.HitRatio, 1e-9)
	assert.Equal(t, "unchanged", unchanged.Exported)
	assert.Equal(t, first, p.attested(), "the image from the cache must be the same, with both attestations")
	p.absent(p.places(cold, unchanged), p.everySecret()...)
}

func TestTheCacheWorksWithAttestationsRequestedByFlags(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.publishScanner("tools")
	p.write("Dockerfile", "FROM "+base+"\nCOPY text text\nRUN cat text\n")
	build := func() outcome {
		return p.succeeds(p.run("build", "--push", "--tag", imageHost+"/shop:latest", "--provenance=mode=max", "--sbom=generator="+mirrorHost+"/tools:1", "."))
	}
	assert.Equal(t, "cold", build().Verdict)
	first := p.attested()
	unchanged := build()
	assert.Equal(t, "used", unchanged.Verdict, unchanged.log)
	assert.InDelta(t, 1.0, *unchanged.HitRatio, 1e-9)
	assert.Equal(t, first, p.attested())
}

// publishScanner pushes an image of the scanner.
func (p *project) publishScanner(repository string) {
	p.t.Helper()
	from := p.pulled(mirrorHost, "ecr-public/docker/library/busybox", "1.37")
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	require.NoError(p.t, writer.WriteHeader(&tar.Header{Name: "scan", Mode: 0o755, Size: int64(len(scan))}))
	_, err := writer.Write([]byte(scan))
	require.NoError(p.t, err)
	require.NoError(p.t, writer.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
	require.NoError(p.t, err)
	image, err := mutate.AppendLayers(from, layer)
	require.NoError(p.t, err)
	image, err = mutate.Config(image, v1.Config{Entrypoint: []string{"/scan"}, Env: []string{"PATH=/bin"}})
	require.NoError(p.t, err)
	require.NoError(p.t, remote.Write(p.reference(mirrorHost, repository, "1"), image, p.options()...))
}

// attested checks that the image has a provenance and an SBOM with the image as their subject. It returns the
// image's digest.
func (p *project) attested() string {
	p.t.Helper()
	index, err := remote.Index(p.reference(imageHost, "shop", "latest"), p.options()...)
	require.NoError(p.t, err)
	manifest, err := index.IndexManifest()
	require.NoError(p.t, err)
	require.Len(p.t, manifest.Manifests, 2)
	built, about := manifest.Manifests[0].Digest.String(), manifest.Manifests[1]
	assert.Equal(p.t, "attestation-manifest", about.Annotations["vnd.docker.reference.type"])
	assert.Equal(p.t, built, about.Annotations["vnd.docker.reference.digest"])

	attestations, err := index.Image(about.Digest)
	require.NoError(p.t, err)
	layers, err := attestations.Layers()
	require.NoError(p.t, err)
	var kinds []string
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		require.NoError(p.t, err)
		var statement struct {
			PredicateType string
			Predicate     json.RawMessage
			Subject       []struct{ Digest map[string]string }
		}
		require.NoError(p.t, json.NewDecoder(content).Decode(&statement))
		kinds = append(kinds, statement.PredicateType)
		if strings.Contains(statement.PredicateType, "provenance") {
			assert.Contains(p.t, string(statement.Predicate), "llbDefinition", "the provenance must be that of mode=max; the default is shorter")
		}
		require.NotEmpty(p.t, statement.Subject)
		assert.Equal(p.t, built, "sha256:"+statement.Subject[0].Digest["sha256"])
	}
	slices.Sort(kinds)
	require.Len(p.t, kinds, 2)
	assert.Regexp(p.t, `^https://slsa.dev/provenance/v`, kinds[0])
	assert.Equal(p.t, "https://spdx.dev/Document", kinds[1])
	return built
}
