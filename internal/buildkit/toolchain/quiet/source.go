package quiet

import _ "embed"

// Source is the source code of the connection, for the compilation of buildkitd.
//
//go:embed conn.go
var Source string
