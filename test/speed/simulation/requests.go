package main

// signIns is the number of sign-ins of one build. One token covers all registries of the build and outlasts
// it (docs/evidence/decisions.md). A registry's log does not show sign-ins.
const signIns = 1

// perBuild is the number of requests that a build of each kind sends to ECR. It was measured with the
// Dockerfile of requests_test.go, where a test compares it with real builds. The Dockerfile has two stages,
// five steps in the first, and one base image, pulled through the cache. The image has provenance, buildx's
// default, and so three manifests. In the form that every ECR takes, the attestation has a config of its own.
var perBuild = map[kind]requests{
	{mainBranch, everything}:   counts(9, 2, 15, 15, 15, 15, 5),
	{mainBranch, nothing}:      counts(9, 3, 5, 2, 2, 2, 2),
	{mainBranch, source}:       counts(11, 7, 15, 9, 9, 9, 5),
	{mainBranch, dependencies}: counts(11, 5, 15, 11, 11, 11, 5),
	{first, nothing}:           counts(14, 3, 15, 3, 3, 3, 5),
	{first, source}:            counts(13, 7, 15, 9, 9, 9, 5),
	{first, dependencies}:      counts(13, 5, 15, 11, 11, 11, 5),
	{later, nothing}:           counts(11, 4, 5, 2, 2, 2, 2),
	{later, source}:            counts(13, 8, 15, 9, 9, 9, 5),
	{later, dependencies}:      counts(13, 6, 15, 11, 11, 11, 5),
}

// ofMounts is what the two cache mounts of requests_test.go add, measured as perBuild. Builds whose steps all come
// from the cache send no requests for mounts.
var ofMounts = map[kind]requests{
	{mainBranch, everything}:   added(2, 0, 6, 4, 4, 4, 2),
	{mainBranch, source}:       added(2, 4, 3, 2, 2, 2, 1),
	{mainBranch, dependencies}: added(2, 4, 6, 4, 4, 4, 2),
	{first, source}:            added(4, 4, 3, 2, 2, 2, 1),
	{first, dependencies}:      added(4, 4, 6, 4, 4, 4, 2),
	{later, source}:            added(3, 4, 3, 2, 2, 2, 1),
	{later, dependencies}:      added(3, 4, 6, 4, 4, 4, 2),
}

// withMounts returns the requests of each kind of build of an app with the two cache mounts.
func withMounts() map[kind]requests {
	all := map[kind]requests{}
	for k, counted := range perBuild {
		all[k] = requests{}
		all[k].add(counted)
		all[k].add(ofMounts[k])
	}
	return all
}

func added(images, layers, checks, initiated, parts, completed, put int) requests {
	r := counts(images, layers, checks, initiated, parts, completed, put)
	delete(r, getToken)
	return r
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
