//go:build !linux

package buildkitd

import (
	"errors"
	"os/exec"
)

// confine fails, because buildkitd runs only on Linux.
func confine(*exec.Cmd) error { return errors.New("buildkitd needs Linux and root") }
