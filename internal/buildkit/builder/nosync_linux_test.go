//go:build !unit

package builder

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test calls fsync on a character device, which fails with EINVAL without the filter.
func TestTheBuilderAndItsStepsDoNotWaitForTheDisk(t *testing.T) {
	const syncs = `python3 -c 'import os,sys; os.fdatasync(sys.stdin.fileno()); os.fsync(sys.stdin.fileno())' </dev/zero`
	require.Error(t, exec.Command("sh", "-c", syncs).Run(), "a character device cannot be synced")

	done := filepath.Join(t.TempDir(), "done")
	_, options := newNative(t, syncs+" && touch '"+done+"'\n"+isReady+serves)
	b, err := Start(t.Context(), options)
	require.NoError(t, err)
	assert.FileExists(t, done, "fsync succeeded in a child of the builder")
	require.NoError(t, b.Close())

	out, err := exec.Command("grep", "Seccomp:", "/proc/self/status").Output()
	require.NoError(t, err)
	assert.Equal(t, "0", strings.TrimSpace(strings.TrimPrefix(string(out), "Seccomp:")), "other processes of the helper are not filtered, on any of %d goroutines", runtime.NumGoroutine())
}
