package buildkitd

import (
	"os/exec"
	"syscall"
)

// confine runs a program in its own mount namespace and process group, and makes it end with the test.
func confine(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
	return nil
}
