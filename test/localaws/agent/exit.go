//go:build unix

package agent

import (
	"os/exec"
	"syscall"
)

// exitCode returns the exit code as a shell does: 128 plus the signal's number for a process that a signal
// ended.
func exitCode(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
