// Package filelock makes processes wait for each other, with locks on open files.
package filelock

import (
	"context"
	"errors"
	"os"
	"time"
)

// pause is the time between two attempts.
const pause = 10 * time.Millisecond

// Acquire waits until no other process has the lock of the file. The lock ends when the file is closed, and with the
// process. It closes the file if it fails.
//
// Acquire does not wait on systems other than Unix, which have no builder that processes share.
func Acquire(ctx context.Context, file *os.File) error {
	for {
		acquired, err := Try(file)
		if acquired {
			return nil
		}
		if err != nil {
			return errors.Join(&os.PathError{Op: "lock", Path: file.Name(), Err: err}, file.Close())
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), file.Close())
		case <-time.After(pause):
		}
	}
}
