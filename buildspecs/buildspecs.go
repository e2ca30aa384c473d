// Package buildspecs holds the CodeBuild buildspecs of layercache as the YAML
// files they are. They depend on environment variables alone.
package buildspecs

import _ "embed"

// Image is image.yml: it builds and pushes one image with a layer cache.
//
//go:embed image.yml
var Image string
