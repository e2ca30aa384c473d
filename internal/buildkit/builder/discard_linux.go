package builder

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// remove removes the folder of a builder that has not built.
func (s *state) remove() error {
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}

// discard has the folder removed and does not wait for it.
func (s *state) discard() <-chan error { return discard(s.dir, s.lock) }

// discardAbandoned has builder folders removed whose owner no longer lives. What cannot be removed is left for the next time.
func discardAbandoned(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, "builder-*"))
	for _, dir := range dirs {
		if lock, err := lockFile(filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			discard(dir, lock)
		}
	}
}

// discard removes the folder in a process of its own, which outlives this one if it must: the files of a large build take
// seconds, and whoever waits for the build need not wait for them. The folder's lock stays with that process, so that
// nobody else takes the folder for abandoned meanwhile. The channel tells when it is done.
func discard(dir string, lock *os.File) <-chan error {
	removed := make(chan error, 1)
	remover := exec.Command("rm", "-rf", "--", dir)
	remover.Dir, remover.Env = "/", []string{}
	remover.ExtraFiles = []*os.File{lock}
	// A session of its own: what ends the build's process group, as Ctrl-C does, does not end this.
	remover.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := remover.Start(); err != nil {
		removed <- errors.Join(os.RemoveAll(dir), lock.Close())
		return removed
	}
	_ = lock.Close()
	go func() { removed <- remover.Wait() }()
	return removed
}
