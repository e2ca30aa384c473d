//go:build !linux

package scenarios

import (
	"errors"
	"os/exec"
)

// confine fails: buildkitd runs on Linux alone.
func confine(*exec.Cmd) error { return errors.New("the scenarios need Linux, and root") }
