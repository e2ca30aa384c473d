//go:build !linux

package docker

import (
	"errors"
	"os/exec"
)

// confine makes the program fail, because buildkitd runs only on Linux.
func confine(cmd *exec.Cmd) { cmd.Err = errors.New("the tests need Linux and root") }
