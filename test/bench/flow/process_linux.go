package flow

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownMounts gives a daemon a group and mounts of its own, which go when it goes, and ends it when this process ends.
func ownMounts() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
}

// ownGroup gives a program a group of its own, so that Ctrl-C reaches it through us alone.
func ownGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

// settle has what earlier builds wrote go to disk before time is taken.
func settle() { unix.Sync() }
