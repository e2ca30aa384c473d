//go:build linux

package poison

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// leaves returns the Dockerfile of a pull request that leaves a file in the cache mount of the release's
// step.
func (w *running) leaves() string {
	w.t.Helper()
	text := strings.Replace(dockerfile, "/bin/cat src.txt > program;", "echo poisoned > /deps/poison; cat src.txt > program;", 1)
	require.NotEqual(w.t, dockerfile, text)
	return text
}

// sharedBuilder starts a buildkitd that stays after a build, and returns the variables that make a build use
// it.
func (w *running) sharedBuilder() map[string]string {
	w.t.Helper()
	dir, err := os.MkdirTemp("", "poison-") // The path of a socket must be short.
	require.NoError(w.t, err)
	w.t.Cleanup(func() { assert.NoError(w.t, os.RemoveAll(dir)) })
	place, _, _ := strings.Cut(w.mirror, "/docker/")
	config, socket := filepath.Join(dir, "buildkitd.toml"), filepath.Join(dir, "shared.sock")
	require.NoError(w.t, os.WriteFile(config, fmt.Appendf(nil, "[registry.\"public.ecr.aws\"]\n  mirrors = [%q]\n", place), 0o600))
	daemon := w.aws.Command(w.t.Context(), programs.Path(programs.Buildkitd), "--config", config, "--root", filepath.Join(dir, "root"),
		"--addr", "unix://"+socket, "--otel-socket-path", filepath.Join(dir, "otel.sock"), "--containerd-worker=false", "--oci-worker-net", "host")
	daemon.Env = append(w.aws.Environ(), "PATH="+os.Getenv("PATH"))
	daemon.Stdout, daemon.Stderr = io.Discard, io.Discard
	require.NoError(w.t, daemon.Start())
	w.t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	})
	require.Eventually(w.t, func() bool {
		connection, err := net.Dial("unix", socket)
		return err == nil && connection.Close() == nil
	}, time.Minute, 20*time.Millisecond, "buildkitd does not listen")
	instances := filepath.Join(dir, "instances")
	made := w.aws.Command(w.t.Context(), programs.Path(programs.Buildx), "create", "--name", "shared", "--driver", "remote", "unix://"+socket)
	made.Env = []string{"BUILDX_CONFIG=" + instances, "HOME=" + dir}
	output, err := made.CombinedOutput()
	require.NoError(w.t, err, string(output))
	return map[string]string{"BUILDX_CONFIG": instances, "LAYERCACHE_ARGS": `["--builder=shared"]`}
}
