package docker

import (
	"os/exec"
	"syscall"
)

// confine runs a program in its own mount namespace.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
}
