package flow

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownMounts gives a daemon its own process group and mount namespace, and ends the daemon when this process
// ends.
func ownMounts() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
}

// ownGroup gives a program its own process group, so Ctrl-C does not reach it directly.
func ownGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

// startOver starts a program that sees dir at the path over. A thread creates the mount, the program inherits
// it, and it disappears with both.
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

// mountOver gives the calling thread its own mount namespace, with dir mounted at over.
func mountOver(dir, over string) error {
	if err := os.MkdirAll(over, 0o700); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("new mount namespace: %w", err)
	}
	if err := unix.Mount(dir, over, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", dir, over, err)
	}
	return nil
}

// settle writes the data of earlier builds to disk before the measurement starts.
func settle() { unix.Sync() }
