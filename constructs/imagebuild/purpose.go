package imagebuild

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/layercache/layercache/constructs/internal/warning"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

// Purpose is the service that runs the image. Props that make an image which the service refuses are errors.
type Purpose string

const (
	// ForLambda makes a single manifest of one platform with gzip layers and without attestations, the form
	// that AWS Lambda requires: https://github.com/aws/aws-lambda-roadmap/issues/82.
	ForLambda Purpose = "lambda"
	// ForFargate takes one platform or an index of linux/amd64 and linux/arm64, with gzip or zstd layers. Zstd
	// needs platform version 1.4.0, which is LATEST.
	ForFargate Purpose = "fargate"
	// ForECS is ForFargate for tasks on your own instances, where zstd needs Docker 23.
	ForECS Purpose = "ecs"
	// ForAppRunner makes a single manifest of linux/amd64 with gzip layers and without attestations. AWS App
	// Runner has no other machines (https://github.com/aws/apprunner-roadmap/issues/98) and does not document
	// which other forms it accepts.
	ForAppRunner Purpose = "app-runner"
)

var purposes = []Purpose{ForLambda, ForFargate, ForECS, ForAppRunner}

// defaultAttestations returns the form of attestations that the service accepts.
func (p Purpose) defaultAttestations() Attestations {
	if p == ForLambda || p == ForAppRunner {
		return NoAttestations
	}
	return ImageManifestAttestations
}

// indexArgument is the build argument that makes the image of one platform an index too.
const indexArgument = "BUILDKIT_MULTI_PLATFORM"

// singleManifest is a service that takes a single manifest with gzip layers.
type singleManifest struct {
	name string
	// index continues the sentence about a prop that makes the image an index.
	index string
}

var (
	lambda    = singleManifest{"AWS Lambda", "which makes the image an index, and AWS Lambda accepts only a single manifest"}
	appRunner = singleManifest{"AWS App Runner", "which makes the image an index, and AWS App Runner is not known to accept one"}
)

// check adds the problems of an image that is none. A caller that takes one platform of several gives no fix
// for these.
func (s singleManifest) check(problems *validation.Problems, build buildOptions, image imageOptions, platformsFix string) {
	if len(build.platforms) > 1 && platformsFix != "" {
		problems.Add("Build.Platforms", fmt.Sprintf("has %d platforms, %s", len(build.platforms), s.index), platformsFix)
	}
	if p := build.provenance; p != nil && *p != "false" {
		problems.Add("Build.Provenance", fmt.Sprintf("is %q, %s", *p, s.index), `set it to "false", or leave it out`)
	}
	if valueOr(build.sbom, false) {
		problems.Add("Build.Sbom", "is true, "+s.index, "leave it out")
	}
	// BuildKit reads this argument itself: https://docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args.
	if isIndex, _ := strconv.ParseBool(valueOr(build.arguments[indexArgument], "")); isIndex {
		problems.Add(fmt.Sprintf("Build.Arguments[%q]", indexArgument), fmt.Sprintf("is %q, %s", *build.arguments[indexArgument], s.index), "leave it out")
	}
	if image.attestations != NoAttestations && slices.Contains(attestationForms, image.attestations) {
		problems.Add("Attestations", fmt.Sprintf("is %q, %s", image.attestations, s.index), "leave it out")
	}
	if image.compression == Zstd {
		problems.Add("ImageCompression", fmt.Sprintf("is %q, which %s is not known to accept", Zstd, s.name), "leave it out")
	}
}

// checkPurpose checks that the service of Purpose accepts the image.
func checkPurpose(problems *validation.Problems, r *resolved) {
	const onePlatform = "build one platform"
	if r.purpose != "" && r.bake.enabled {
		problems.Add("Purpose", "is that of one image, but Bake builds several images", "leave it out")
		return
	}
	switch r.purpose {
	case "":
	case ForLambda:
		lambda.check(problems, r.build, r.image, onePlatform)
	case ForAppRunner:
		appRunner.check(problems, r.build, r.image, onePlatform)
		const wrong = "%q is a platform that AWS App Runner has no machine for"
		switch platforms := r.build.platforms; {
		case len(platforms) == 1 && platforms[0] != "linux/amd64":
			problems.Add("Build.Platforms[0]", fmt.Sprintf(wrong, platforms[0]), "use linux/amd64")
		case len(platforms) == 0 && r.machine.architecture == ARM64:
			problems.Add("Architecture", fmt.Sprintf(wrong, ARM64), fmt.Sprintf("use %q", AMD64))
		}
	case ForFargate, ForECS:
		isNative := func(platform string) bool { return slices.Contains(nativePlatforms, platform) }
		if len(r.build.platforms) > 0 && !slices.ContainsFunc(r.build.platforms, isNative) {
			problems.Add("Build.Platforms", "has no platform that Amazon ECS runs", "add linux/amd64 or linux/arm64")
		}
	default:
		problems.Add("Purpose", fmt.Sprintf("%q is unknown", r.purpose), spelling.Fix(r.purpose, purposes))
	}
}

// warnOfOldDocker warns of layers that Docker on an instance may refuse.
func (b *ImageBuild) warnOfOldDocker() {
	if b.options.purpose == ForECS && b.options.image.compression == Zstd {
		warning.Add(b, "layercache:ecs-zstd", `ImageCompression is "zstd", which the instances of the cluster can pull only with Docker 23 or newer. `+
			`Check their version, or leave ImageCompression out`)
	}
}
