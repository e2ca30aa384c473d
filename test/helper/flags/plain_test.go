package flags

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/programs"
)

// plain is a buildkitd that is configured as buildx's container driver does it, with a registry for its base images.
type plain struct {
	address  string
	cmd      *exec.Cmd
	state    string
	registry *localecr.Server
}

// plainBuilder is the builder of all calls of buildx. Tests start it once, as they do not depend on what it has cached.
var plainBuilder *plain

func startPlain(t *testing.T) {
	t.Helper()
	state, err := os.MkdirTemp("", "layercache-plain-")
	require.NoError(t, err)
	registry, err := localecr.Start(localecr.Config{Dir: filepath.Join(state, "registry")})
	require.NoError(t, err)
	config := filepath.Join(state, "buildkitd.toml")
	text := fmt.Sprintf("insecure-entitlements = [\"network.host\"]\n[registry.\"public.ecr.aws\"]\nmirrors = [\"%s/ecr-public\"]\n", registry.Addr())
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	socket := filepath.Join(state, "buildkitd.sock")
	p := &plain{address: "unix://" + socket, state: state, registry: registry}
	p.cmd = exec.Command(programs.Path(programs.Buildkitd), "--config", config, "--root", filepath.Join(state, "root"), "--addr", p.address,
		"--otel-socket-path", filepath.Join(state, "otel.sock"), "--containerd-worker=false", "--oci-worker-net", "host")
	var log bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &log, &log
	require.NoError(t, confine(p.cmd))
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { assert.NoError(t, p.stop()) })
	require.Eventually(t, func() bool {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, time.Minute, 5*time.Millisecond, "buildkitd does not listen")
	plainBuilder = p
}

func (p *plain) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
	return errors.Join(p.registry.Close(), os.RemoveAll(p.state))
}
