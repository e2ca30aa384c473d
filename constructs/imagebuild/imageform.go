package imagebuild

import (
	"fmt"
	"slices"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

// Attestations is the form of an image's attestations, such as its provenance.
type Attestations string

const (
	// ImageManifestAttestations have the form of an image's manifest, which every registry accepts.
	ImageManifestAttestations Attestations = "image-manifest"
	// OCIArtifactAttestations are OCI artifacts with a subject, which ECR answered with 405 until 2026:
	// https://github.com/aws/containers-roadmap/issues/2783.
	OCIArtifactAttestations Attestations = "oci-artifact"
	// NoAttestations leaves out buildx's default attestation, so that an image of one platform is a single
	// manifest, as AWS Lambda requires. Build.Provenance and Build.Sbom still make theirs.
	NoAttestations Attestations = "none"
)

var attestationForms = []Attestations{ImageManifestAttestations, OCIArtifactAttestations, NoAttestations}

// checkImageForm checks the plain values about the form of the image.
func checkImageForm(problems *validation.Problems, i imageOptions) {
	checkCompression(problems, "ImageCompression", i.compression, Zstd, Gzip)
	if !slices.Contains(attestationForms, i.attestations) {
		problems.Add("Attestations", fmt.Sprintf("%q is unknown", i.attestations), spelling.Fix(i.attestations, attestationForms))
	}
}

func checkCompression(problems *validation.Problems, prop string, c Compression, known ...Compression) {
	if !slices.Contains(known, c) {
		problems.Add(prop, fmt.Sprintf("%q is unknown", c), spelling.Fix(c, known))
	}
}

// imageFormVariables returns the variables that describe the form of the image.
func imageFormVariables(i imageOptions) map[string]string {
	return map[string]string{
		"LAYERCACHE_IMAGE_COMPRESSION": string(i.compression),
		"LAYERCACHE_ATTESTATIONS":      string(i.attestations),
	}
}
