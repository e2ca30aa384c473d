package e2e

import (
	"os/exec"
	"syscall"
)

// confine gives a program mounts of its own.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
}
