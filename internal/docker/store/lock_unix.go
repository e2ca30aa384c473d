//go:build unix

package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// hold holds a folder until release or the end of the process. free is false if another intake holds it.
func hold(folder string) (release func(), free bool) {
	file, err := os.Open(folder)
	if err != nil {
		return func() {}, false
	}
	free = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
	return func() { _ = file.Close() }, free
}
