package display

import "regexp"

// noise matches lines of buildx that look like errors and are none.
var noise = regexp.MustCompile(
	// Two layers of a local cache with the same content are written at the same time; the one waits for the other.
	`\(\*service\)\.Write failed: rpc error: code = Unavailable desc = ref \S+ locked for ` +
		// The builder is asked whether it is there, and buildx closes that connection at once.
		`|http2: server: error reading preface from client`)

// IsNoise reports whether a line of buildx need not be shown.
func IsNoise(line []byte) bool { return noise.Match(line) }
