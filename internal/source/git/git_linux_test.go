//go:build !unit

package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// CI systems check out as one user and build as another. Without safe.directory, git refuses such a checkout.
func TestACheckoutOwnedByAnotherUser(t *testing.T) {
	dir, commit := repository(t)
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		require.NoError(t, err)
		return os.Lchown(path, 12345, 12345)
	}))
	assert.Equal(t, "trunk", Branch(t.Context(), dir))
	assert.Equal(t, commit, Commit(t.Context(), dir))
}
