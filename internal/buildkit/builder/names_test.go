package builder

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets buildkitd call the test's program by the same names as layercache.
func TestMain(m *testing.M) {
	if IsDecompressor(os.Args[0]) {
		os.Exit(Decompress(os.Stdin, os.Stdout, os.Stderr))
	}
	if IsFirstProcess(os.Args[0]) {
		os.Exit(FirstProcess(os.Args[1:], os.Stderr))
	}
	if IsRuntime(os.Args[0]) {
		os.Exit(Runtime(os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

func TestTheInstalledNamesAreLinksToThisProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bin")
	require.NoError(t, installNames(dir, decompressor, stepRuntime, firstProcess))
	own, err := os.Executable()
	require.NoError(t, err)
	for name, is := range map[string]func(string) bool{"unpigz": IsDecompressor, "buildkit-runc": IsRuntime, "buildkit-init": IsFirstProcess} {
		target, err := os.Readlink(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, own, target)
		assert.True(t, is(filepath.Join(dir, name)))
		assert.True(t, is(name))
		assert.False(t, is(own))
	}
	assert.False(t, IsDecompressor("buildkit-runc"))
	assert.False(t, IsRuntime("unpigz"))
	assert.ErrorContains(t, installNames(dir, stepRuntime), "buildkit-runc: file exists")
}
