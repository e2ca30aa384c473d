//go:build !unit

package builder

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Go program may be on another thread when it executes a program in its place than the one that it began with.
func TestTheFirstProcessEndsWithTheThreadThatStartedIt(t *testing.T) {
	own, err := os.Executable()
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), firstProcess)
	require.NoError(t, os.Symlink(own, link))
	cmd := exec.Command(link, "/bin/sh", "-c", "echo started; exec sleep 60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	started, end := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // Never unlocked: the thread ends with this function.
		started <- cmd.Start()
		<-end
	}()
	require.NoError(t, <-started)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "started\n", line)
	close(end)
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		require.ErrorContains(t, err, "signal: killed")
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		<-ended
		t.Fatal("it outlived the thread that started it")
	}
}
