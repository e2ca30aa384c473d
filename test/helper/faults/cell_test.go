//go:build linux

package faults

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

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

// cell is one build with one fault.
type cell struct {
	t *testing.T
	w *baseline
	// name is the name of its repositories.
	name string
	// app is the folder of the application, tmp everything that the helper may write to, state the builder's
	// folder.
	app, tmp, state string
	// repository is the cache's, image is the image to push. Both are in the registry itself unless a front
	// is before it.
	repository, image string
	// hosts is the content of /etc/hosts, trusted are additional trusted certificates.
	hosts, trusted string
	env            map[string]string
	// mounts are additional commands in the mount namespace; starter is the command that starts the helper.
	mounts, starter []string
	// program is the config digest of the expected image.
	program string
	args    []string
	stdin   io.Reader
}

// cell returns a cell that builds the second source, to be used with the cache of the first once that is
// planted.
func (w *baseline) cell(t *testing.T, name string) *cell {
	t.Helper()
	c := &cell{
		t: t, w: w, name: name, app: t.TempDir(), tmp: shortDir(t), state: t.TempDir(), env: map[string]string{}, program: w.program,
		repository: w.registry.Addr() + "/" + name, image: w.registry.Addr() + "/shop-" + name + ":1",
	}
	require.NoError(t, os.Chmod(c.state, 0o700))
	require.NoError(t, os.Mkdir(c.tempDir(), 0o755))
	c.write("Dockerfile", []byte(dockerfile))
	c.write("deps.txt", w.deps)
	c.write("src.txt", []byte("second\n"))
	return c
}

// shortDir returns a folder with a path short enough for a Unix socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "faults-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// tempDir returns the helper's TMPDIR.
func (c *cell) tempDir() string { return filepath.Join(c.tmp, "tmp") }

func (c *cell) write(path string, content []byte) {
	c.t.Helper()
	full := filepath.Join(c.app, path)
	require.NoError(c.t, os.WriteFile(full, content, 0o644))
	require.NoError(c.t, os.Chtimes(full, time.Unix(86400, 0), time.Unix(86400, 0)))
}

// enter mounts the cell's files in a mount namespace and then runs the program.
const enter = `mount --bind "$0/resolv.conf" /etc/resolv.conf && mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/hosts" /etc/hosts && mkdir -p /var/lib/layercache && mount --bind "$1" /var/lib/layercache && shift && `

// command returns a command that runs the helper in the cell.
func (c *cell) command(ctx context.Context, args ...string) *exec.Cmd {
	c.t.Helper()
	return c.inside(ctx, programs.Path(programs.Bundled), args...)
}

// inside returns a command that runs a program in the cell.
func (c *cell) inside(ctx context.Context, program string, args ...string) *exec.Cmd {
	c.t.Helper()
	etc := filepath.Join(c.tmp, "etc")
	require.NoError(c.t, os.MkdirAll(etc, 0o755))
	require.NoError(c.t, os.WriteFile(filepath.Join(etc, "resolv.conf"), []byte("nameserver "+c.w.names.address()+"\noptions timeout:1 attempts:1\n"), 0o644))
	require.NoError(c.t, os.WriteFile(filepath.Join(etc, "hosts"), []byte(cmp.Or(c.hosts, "127.0.0.1 localhost\n")), 0o644))
	require.NoError(c.t, os.WriteFile(filepath.Join(etc, "ca.pem"), append(c.w.authority.pem, c.trusted...), 0o644))
	script := enter + strings.Join(append(slices.Clone(c.mounts), `exec "$@"`), " && ")
	command := append(append([]string{"-c", script, etc, c.state}, c.starter...), program)
	cmd := exec.CommandContext(ctx, "sh", append(command, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.Dir, cmd.Stdin = c.app, c.stdin
	env := map[string]string{
		"TMPDIR": c.tempDir(), "HOME": c.tmp, "DOCKER_CONFIG": c.tmp, "PATH": os.Getenv("PATH"),
		"SSL_CERT_FILE": filepath.Join(etc, "ca.pem"), "SOURCE_DATE_EPOCH": "86400",
		// A docker daemon of this machine must not be used.
		"DOCKER_HOST":           "unix:///run/layercache-faults-no-docker.sock",
		"LAYERCACHE_REPOSITORY": c.repository, "LAYERCACHE_BRANCH": "main", "LAYERCACHE_APP": "shop",
		"LAYERCACHE_MIRRORS":    "bases.test=" + c.w.registry.Addr() + "/bases",
		"LAYERCACHE_REPORT_DIR": filepath.Join(c.tmp, "report"),
	}
	for variable, value := range c.env {
		env[variable] = value
	}
	for variable, value := range env {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	return cmd
}

// reportsTo makes the build send its metrics to a front.
func (c *cell) reportsTo(f *front) {
	c.env["LAYERCACHE_METRICS_NAMESPACE"], c.env["AWS_ENDPOINT_URL_CLOUDWATCH"] = "faults", "https://"+f.host()
	c.env["AWS_REGION"], c.env["AWS_ACCESS_KEY_ID"], c.env["AWS_SECRET_ACCESS_KEY"] = "eu-west-1", "AKIAFAULTS", "secret"
	c.env["AWS_EC2_METADATA_DISABLED"] = "true"
}
