package main

// signIns are those of one build. One token is good for every registry that the build may reach, and lasts longer than it
// (docs/evidence/decisions.md); a registry's log does not show them.
const signIns = 1

// perBuild is what a build of each kind asks of ECR: measured, with the Dockerfile of requests_test.go, which holds real builds
// against it. The Dockerfile has two stages, five steps in the first, and one base image, pulled through; the image has
// provenance, as buildx makes it by default, and so three manifests.
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

// partBytes is the most that ECR takes in one part:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html.
const partBytes = 20 << 20

// with is what a build asks whose layers are of these sizes: layers above the size of a part are uploaded in several. The layers
// of perBuild are below it.
func (r requests) with(k kind, sizes layers) requests {
	total := requests{}
	total.add(r)
	switch k.change {
	case everything:
		// The base image goes into the cache, and into the image's repository.
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
