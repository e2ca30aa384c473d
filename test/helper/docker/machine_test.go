package docker

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/mountns"
	"github.com/layercache/layercache/test/kit/programs"
)

// base is pulled through the mirror. Without a network, the registry serves a stand-in for it.
const base = "public.ecr.aws/docker/library/busybox:1.37"

const dockerfile = "FROM " + base + "\nCOPY src /src\nRUN cat /src/* > /program && echo program compiled\nCMD [\"/program\"]\n"

// machine is the registry, source and environment of one job, in which docker is layercache.
type machine struct {
	t        *testing.T
	registry *localecr.Server
	source   string
	tmp      string
	builders string
	env      map[string]string
	stdin    string
	// path is the PATH after the folder with layercache.
	path string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	server, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	m := &machine{t: t, registry: server, source: t.TempDir(), tmp: t.TempDir(), builders: t.TempDir(), path: withoutDocker(t)}
	m.env = map[string]string{
		"LAYERCACHE_REPOSITORY": server.Addr() + "/cache", "LAYERCACHE_MIRRORS": "public.ecr.aws=" + server.Addr() + "/ecr-public",
		"LAYERCACHE_BRANCH": "main", "LAYERCACHE_CACHE_TIMEOUT": "60s", "LAYERCACHE_REPORT_DIR": filepath.Join(m.tmp, "report"),
	}
	m.write("Dockerfile", dockerfile)
	m.write("src/main.txt", "hello\n")
	m.takePlace()
	return m
}

// takePlace puts layercache in the place of docker.
func (m *machine) takePlace() {
	m.t.Helper()
	require.NoError(m.t, os.MkdirAll(m.bin(), 0o755))
	for _, called := range []string{"docker", "layercache-docker"} {
		require.NoError(m.t, os.Symlink(programs.Path(programs.Bundled), filepath.Join(m.bin(), called)))
	}
}

// withoutDocker returns a PATH like this process's on which there is no docker.
func withoutDocker(t *testing.T) string {
	t.Helper()
	shadow := t.TempDir()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		tools, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, tool := range tools {
			if name := filepath.Base(tool); !strings.HasPrefix(name, "docker") {
				_ = os.Symlink(tool, filepath.Join(shadow, name))
			}
		}
	}
	return shadow
}

func (m *machine) bin() string { return filepath.Join(m.tmp, "bin") }

func (m *machine) write(path, content string) {
	m.t.Helper()
	full := filepath.Join(m.source, path)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(m.t, os.WriteFile(full, []byte(content), 0o644))
}

// result is what a call of docker gave.
type result struct {
	code           int
	stdout, stderr string
}

// docker runs docker in the source's folder.
func (m *machine) docker(args ...string) result {
	m.t.Helper()
	return m.shell(`exec docker "$@"`, args...)
}

// shell runs a script in the source's folder.
func (m *machine) shell(script string, args ...string) result {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", mountns.Enter, m.builders, "sh", "-c", script, "sh"}, args...)...)
	mountns.Use(cmd)
	cmd.Dir = m.source
	cmd.Env = []string{"TMPDIR=" + m.tmp, "HOME=" + m.tmp, "PATH=" + m.bin() + ":" + m.path}
	for variable, value := range m.env {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(m.stdin), &stdout, &stderr
	_ = cmd.Run()
	require.NoError(m.t, ctx.Err(), stderr.String())
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// succeeds runs docker, which must succeed.
func (m *machine) succeeds(args ...string) result {
	m.t.Helper()
	got := m.docker(args...)
	require.Zero(m.t, got.code, got.stdout+got.stderr)
	return got
}

// report returns the report of the build whose reports are in the folder.
func (m *machine) report(folder string) *report.Report {
	m.t.Helper()
	read, err := report.Read(filepath.Join(m.env["LAYERCACHE_REPORT_DIR"], folder, report.File))
	require.NoError(m.t, err)
	return read
}

func (m *machine) pulled(image string) v1.Image { return localecr.Pulled(m.t, image) }

func (m *machine) tags(repository string) []string { return m.registry.Tags(m.t, repository) }

// idOf returns the digest of the config of an image in the registry, which is docker's ID for it.
func (m *machine) idOf(image string) string {
	m.t.Helper()
	digest, err := m.pulled(image).ConfigName()
	require.NoError(m.t, err)
	return digest.String()
}

// read returns a file in the source's folder.
func (m *machine) read(path string) string {
	m.t.Helper()
	content, err := os.ReadFile(filepath.Join(m.source, path))
	require.NoError(m.t, err)
	return string(content)
}
