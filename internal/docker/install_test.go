package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheLinksOfSetupAreFound(t *testing.T) {
	t.Setenv("LAYERCACHE_DOCKER_PASSED", "")
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	t.Setenv("PATH", strings.Join(append(dirs, "relative", dirs[0]), string(os.PathListSeparator)))
	assert.Empty(t, Links())

	dir, _, err := Install()
	require.NoError(t, err)
	require.Equal(t, dirs[0], dir)
	removed := filepath.Join(dirs[1], "docker")
	require.NoError(t, os.Symlink("/opt/removed/layercache", removed))
	require.NoError(t, os.WriteFile(filepath.Join(dirs[2], "podman"), nil, 0o755))
	require.NoError(t, os.Symlink("podman", filepath.Join(dirs[2], "docker")))
	require.NoError(t, os.WriteFile(filepath.Join(dirs[2], "layercache-docker"), nil, 0o755))

	ours := []string{filepath.Join(dir, "docker"), filepath.Join(dir, "layercache-docker")}
	assert.Equal(t, append(ours, removed), Links())
	for _, link := range ours {
		require.NoError(t, os.Remove(link))
	}
	assert.Equal(t, []string{removed}, Links())
}
