package scenarios

import (
	"os/exec"
	"syscall"
)

// confine gives a program mounts and a process group of its own, and has it end with the test.
func confine(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
	return nil
}
