package builder

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// remove removes the folder and waits. It is for a builder that has not built anything.
func (s *state) remove() error {
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}

// discard removes the folder in the background.
func (s *state) discard() <-chan error { return discard(s.dir, s.lock) }

// discardAbandoned removes, in the background, the folders of builders whose process has died. Folders that
// cannot be removed are left for the next build.
func discardAbandoned(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, "builder-*"))
	for _, dir := range dirs {
		if lock, err := lockFile(filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			discard(dir, lock)
		}
	}
}

// discard removes the folder in a separate process, which may outlive this one: the files of a large build
// take seconds to remove, and the build should not wait for them. That process inherits the folder's lock, so
// no other helper sees the folder as abandoned. The channel receives once, when the folder is removed.
func discard(dir string, lock *os.File) <-chan error {
	removed := make(chan error, 1)
	remover := exec.Command("rm", "-rf", "--", dir)
	remover.Dir, remover.Env = "/", []string{}
	remover.ExtraFiles = []*os.File{lock}
	// A separate session, so a signal to the build's process group (Ctrl-C) does not reach rm.
	remover.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := remover.Start(); err != nil {
		removed <- errors.Join(os.RemoveAll(dir), lock.Close())
		return removed
	}
	_ = lock.Close()
	go func() { removed <- remover.Wait() }()
	return removed
}
