package readahead

import _ "embed"

// Source is the source code of the reader, for the compilation of buildkitd.
//
//go:embed reader.go
var Source string
