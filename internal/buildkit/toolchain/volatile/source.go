package volatile

import _ "embed"

// Source is the source code of Options, for the compilation of buildkitd.
//
//go:embed options.go
var Source string
