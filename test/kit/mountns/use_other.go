//go:build !linux

package mountns

import (
	"errors"
	"os/exec"
)

// Use makes the command fail, because buildkitd runs only on Linux.
func Use(cmd *exec.Cmd) { cmd.Err = errors.New("the tests need Linux and root") }
