package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// CI systems check out as one user and build as another; without the setting, git does not read such a checkout.
func TestACheckoutOfAnotherUserIsRead(t *testing.T) {
	dir, commit := repository(t)
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		require.NoError(t, err)
		return os.Lchown(path, 12345, 12345)
	}))
	assert.Equal(t, "trunk", Branch(t.Context(), dir))
	assert.Equal(t, commit, Commit(t.Context(), dir))
}
