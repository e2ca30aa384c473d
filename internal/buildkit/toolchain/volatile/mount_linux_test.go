//go:build !unit

package volatile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAnOverlayCanBeMountedAgain(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test mounts file systems: run it as root")
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, 0)) })
	var options []string
	for _, part := range []string{"lower", "upper", "work", "merged"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, part), 0o700))
		if part != "merged" {
			options = append(options, part+"dir="+filepath.Join(dir, part))
		}
	}
	merged := filepath.Join(dir, "merged")
	mount := func(options []string) error {
		return unix.Mount("overlay", merged, "overlay", 0, strings.Join(options, ","))
	}

	t.Setenv(Variable, "1")
	for _, name := range []string{"first", "second"} {
		require.NoError(t, mount(Options(options)), name)
		mounts, err := os.ReadFile("/proc/self/mounts")
		require.NoError(t, err)
		assert.Regexp(t, merged+` overlay \S*\bvolatile\b`, string(mounts))
		require.NoError(t, os.WriteFile(filepath.Join(merged, name), nil, 0o600))
		require.NoError(t, unix.Unmount(merged, 0))
	}
	assert.FileExists(t, filepath.Join(dir, "upper", "first"))
	assert.FileExists(t, filepath.Join(dir, "upper", "second"))
	require.ErrorIs(t, mount(options), unix.EINVAL, "without Options the kernel refuses to mount it again")
}
