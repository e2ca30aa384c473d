//go:build unix

package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	return file
}

func TestAcquireWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, second := open(t, path), open(t, path)
	require.NoError(t, Acquire(t.Context(), first))
	acquired := make(chan error)
	go func() { acquired <- Acquire(t.Context(), second) }()
	select {
	case <-acquired:
		t.Fatal("two have the lock")
	case <-time.After(5 * pause):
	}
	require.NoError(t, first.Close())
	require.NoError(t, <-acquired)
	require.NoError(t, second.Close())
}

func TestAcquireGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, second := open(t, path), open(t, path)
	defer first.Close()
	require.NoError(t, Acquire(t.Context(), first))
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the build has ended")
	cancel(reason)
	require.ErrorIs(t, Acquire(ctx, second), reason)
	require.ErrorIs(t, second.Close(), os.ErrClosed)
}

func TestAcquireNeedsAnOpenFile(t *testing.T) {
	file := open(t, filepath.Join(t.TempDir(), "lock"))
	require.NoError(t, file.Close())
	assert.ErrorContains(t, Acquire(t.Context(), file), "lock "+file.Name()+": ")
}
