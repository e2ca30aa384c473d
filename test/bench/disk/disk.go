// Package disk gives each measured build a file system to which nothing was written before, as a build on a new machine has.
// One that builds have filled and emptied is slower by chance and by place: ext4 without a journal passes over the inodes that
// were freed within the last minutes, so that 4,400 new files take 2 to 3 s beside what was just removed, and 0.2 s on a new one.
package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// size is the most that a build may write; the file takes what is written.
const size = 60 << 30

// Disk is a mounted file system in a file, both below a folder.
type Disk struct{ dir string }

// New makes a file system in dir, which it creates. It takes milliseconds, and is not interrupted half-way.
func New(dir string) (*Disk, error) {
	d := &Disk{dir: dir}
	if err := d.make(); err != nil {
		return nil, errors.Join(fmt.Errorf("bench: a disk for the build: %w", err), os.RemoveAll(dir))
	}
	return d, nil
}

func (d *Disk) make() error {
	if err := os.MkdirAll(d.Path(), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(d.image(), nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(d.image(), size); err != nil {
		return err
	}
	// Nothing is left for the kernel to initialize while a build is measured.
	if err := run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", d.image()); err != nil {
		return err
	}
	return run("mount", "-o", "loop,noinit_itable", d.image(), d.Path())
}

// Path is where the file system is mounted.
func (d *Disk) Path() string { return filepath.Join(d.dir, "mounted") }

func (d *Disk) image() string { return filepath.Join(d.dir, "ext4") }

// Close removes the file system, and all that is on it. What was started on it may take a moment to let go of it.
func (d *Disk) Close() error {
	const patience = 5 * time.Second
	err := run("umount", d.Path())
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); err = run("umount", d.Path()) {
		time.Sleep(patience / 50)
	}
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return os.RemoveAll(d.dir)
}

// run runs a program; its error has what the program said.
func run(program string, args ...string) error {
	said, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(said))
	}
	return nil
}
