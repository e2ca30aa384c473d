// Package buildkitd starts a buildkitd without layercache, for tests that compare with it.
package buildkitd

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// Start starts a buildkitd with an empty state folder in its own mount namespace, until the test ends. It returns its
// address. The text is the configuration file, buildkitd.toml.
func Start(t *testing.T, text string) (address string) {
	t.Helper()
	// Not t.TempDir, whose path can be too long for a socket.
	state, err := os.MkdirTemp("", "layercache-buildkitd-")
	require.NoError(t, err)
	config, socket := filepath.Join(state, "buildkitd.toml"), filepath.Join(state, "buildkitd.sock")
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	cmd := exec.Command(programs.Path(programs.Buildkitd), "--config", config, "--root", filepath.Join(state, "root"), "--addr", "unix://"+socket,
		"--otel-socket-path", filepath.Join(state, "otel.sock"), "--containerd-worker=false", "--oci-worker-net", "host")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, confine(cmd))
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the log of buildkitd:\n%s", log.String())
		}
		assert.NoError(t, os.RemoveAll(state))
	})
	require.Eventually(t, func() bool {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, time.Minute, 5*time.Millisecond, "buildkitd does not listen")
	return "unix://" + socket
}
