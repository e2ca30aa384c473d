//go:build !linux

package e2e

import (
	"errors"
	"os/exec"
)

// confine has the program fail: buildkitd runs on Linux alone.
func confine(cmd *exec.Cmd) { cmd.Err = errors.New("the tests need Linux, and root") }
