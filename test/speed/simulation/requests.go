package main

// signIns is the number of sign-ins of one build. One token covers all registries of the build and outlasts
// it (docs/evidence/decisions.md). A registry's log does not show sign-ins.
const signIns = 1

// perBuild is the number of requests that a build of each kind sends to ECR. It was measured with the
// Dockerfile of requests_test.go, where a test compares it with real builds. The Dockerfile has two stages,
// five steps in the first, and one base image, pulled through the cache. The image has provenance, buildx's
// default, and so three manifests.
var perBuild = map[kind]requests{
	{mainBranch, everything}:   counts(10, 2, 15, 15, 15, 15, 5),
	{mainBranch, nothing}:      counts(9, 3, 5, 1, 1, 1, 2),
	{mainBranch, source}:       counts(11, 7, 15, 8, 8, 8, 5),
	{mainBranch, dependencies}: counts(11, 5, 15, 10, 10, 10, 5),
	{first, nothing}:           counts(13, 3, 15, 2, 2, 2, 4),
	{first, source}:            counts(13, 7, 15, 8, 8, 8, 5),
	{first, dependencies}:      counts(13, 5, 15, 10, 10, 10, 5),
	{later, nothing}:           counts(11, 4, 5, 1, 1, 1, 2),
	{later, source}:            counts(13, 8, 15, 8, 8, 8, 5),
	{later, dependencies}:      counts(13, 6, 15, 10, 10, 10, 5),
}

func counts(images, layers, checks, initiated, parts, completed, put int) requests {
	return requests{
		getToken: signIns, getImage: images, getLayer: layers, checkLayer: checks,
		initiateUpload: initiated, uploadPart: parts, completeUpload: completed, putImage: put,
	}
}

// partBytes is ECR's maximum size of one part:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html.
const partBytes = 20 << 20

// with returns the requests of a build with layers of the given sizes. Layers larger than a part are uploaded
// in several parts; the layers of perBuild fit in one.
func (r requests) with(k kind, sizes layers) requests {
	total := requests{}
	total.add(r)
	switch k.change {
	case everything:
		// The base image is written to the cache and to the image's repository.
		total[uploadPart] += 2*furtherParts(sizes.base) + furtherParts(sizes.dependencies)
	case dependencies:
		total[uploadPart] += furtherParts(sizes.dependencies)
	}
	if k.change == everything || k.change == dependencies || k.change == source {
		total[uploadPart] += 2 * furtherParts(sizes.source)
	}
	return total
}

func furtherParts(bytes int64) int { return int((bytes - 1) / partBytes) }
