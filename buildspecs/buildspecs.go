// Package buildspecs embeds the CodeBuild buildspecs of layercache. They depend only on environment
// variables.
package buildspecs

import _ "embed"

// Image is image.yml: it builds and pushes one image with a layer cache.
//
//go:embed image.yml
var Image string

// ImageBatch is image-batch.yml: it builds an image for two architectures as a batch.
//
//go:embed image-batch.yml
var ImageBatch string

// Reports is reports.yml, which is appended to either of the two.
//
//go:embed reports.yml
var Reports string

// Prewarm is prewarm.yml: it pulls images through the pull-through cache.
//
//go:embed prewarm.yml
var Prewarm string
