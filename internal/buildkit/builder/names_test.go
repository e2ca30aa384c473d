package builder

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// init keeps the main goroutine, and so TestMain, on the thread that the process began with.
func init() { runtime.LockOSThread() }

// onAnotherThread runs a function on a thread that the process did not begin with.
func onAnotherThread(run func() int) int {
	result := make(chan int)
	go func() { result <- run() }()
	return <-result
}

// TestMain lets buildkitd call the test's program by the same names as layercache.
func TestMain(m *testing.M) {
	if IsFirstProcess(os.Args[0]) {
		os.Exit(onAnotherThread(func() int { return FirstProcess(os.Args[1:], os.Stderr) }))
	}
	if IsRuntime(os.Args[0]) {
		os.Exit(Runtime(os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

func TestTheInstalledNamesAreLinksToThisProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bin")
	require.NoError(t, installNames(dir, stepRuntime, firstProcess))
	own, err := os.Executable()
	require.NoError(t, err)
	for name, is := range map[string]func(string) bool{"buildkit-runc": IsRuntime, "buildkit-init": IsFirstProcess} {
		target, err := os.Readlink(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, own, target)
		assert.True(t, is(filepath.Join(dir, name)))
		assert.True(t, is(name))
		assert.False(t, is(own))
	}
	assert.False(t, IsRuntime("buildkit-init"))
	assert.ErrorContains(t, installNames(dir, stepRuntime), "buildkit-runc: file exists")
}
