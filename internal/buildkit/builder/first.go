package builder

import "path/filepath"

// firstProcess is the name under which this program prepares the PID namespace of buildkitd and then becomes
// buildkitd.
const firstProcess = "buildkit-init"

// IsFirstProcess reports whether this program was called under the name firstProcess.
func IsFirstProcess(program string) bool { return filepath.Base(program) == firstProcess }
