package display

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The lines are those of buildx v0.38.2.
func TestNoise(t *testing.T) {
	for line, want := range map[string]bool{
		"ERROR: (*service).Write failed: rpc error: code = Unavailable desc = ref layer-sha256:ea1e locked for 43.742054ms (since 2026-11-29 01:42:44.11100674 +0000 UTC m=+3.759670663): unavailable\n": true,
		"2026/11/29 01:42:37 http2: server: error reading preface from client localhost: rpc error: code = Internal desc = SendMsg called after CloseSend\n":                                             true,
		"ERROR: failed to build: failed to solve: x:1: not found\n":                false,
		"ERROR: (*service).Write failed: rpc error: no space left on device\n":     false,
		"WARNING: No output specified with remote driver.\n":                       false,
		"ERROR: failed to build: failed to receive status: rpc error: Unavailable": false,
	} {
		assert.Equal(t, want, IsNoise([]byte(line)), line)
	}
}
