//go:build unix

package store

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPause is the time between two attempts to lock the list.
const lockPause = 10 * time.Millisecond

// lock waits until no other process has locked the file. The lock ends with the process.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(err, file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), file.Close())
		case <-time.After(lockPause):
		}
	}
}

// hold holds a folder until release or the end of the process. free is false if another intake holds it.
func hold(folder string) (release func(), free bool) {
	file, err := os.Open(folder)
	if err != nil {
		return func() {}, false
	}
	free = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
	return func() { _ = file.Close() }, free
}
