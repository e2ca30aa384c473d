package flow

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
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

// startOver starts a program that finds dir where others find the folder named over. Its thread has the mount, the program
// inherits it, and it goes with both.
func startOver(cmd *exec.Cmd, dir, over string) error {
	started := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this function.
		runtime.LockOSThread()
		err := mountOver(dir, over)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}

// mountOver gives the calling thread mounts of its own, with dir where over is.
func mountOver(dir, over string) error {
	if err := os.MkdirAll(over, 0o700); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mounts of its own: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts of its own: %w", err)
	}
	if err := unix.Mount(dir, over, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", dir, over, err)
	}
	return nil
}

// settle has what earlier builds wrote go to disk before time is taken.
func settle() { unix.Sync() }
