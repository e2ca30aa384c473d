//go:build !linux

package flags

import (
	"errors"
	"os/exec"
)

// confine fails, because buildkitd runs only on Linux.
func confine(*exec.Cmd) error { return errors.New("the flags need Linux and root") }
