//go:build unix

package cachemount

import (
	"context"
	"errors"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// lockPause is the time between two attempts to lock a folder.
const lockPause = 20 * time.Millisecond

// lock waits until no other build saves mounts in the folder. The lock ends with the process.
func lock(ctx context.Context, folder *os.Root) (unlock func(), err error) {
	file, err := folder.OpenFile(path.Join(mountsFolder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
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
