package mountns

import (
	"os/exec"
	"syscall"
)

// Use makes the command run in a mount namespace of its own.
func Use(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
}
