//go:build !linux

package lint

import (
	"errors"
	"os/exec"
)

// confine fails, because buildkitd runs only on Linux.
func confine(*exec.Cmd) error { return errors.New("the scenarios need Linux and root") }
