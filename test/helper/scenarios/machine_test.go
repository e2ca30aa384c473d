package scenarios

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/programs"
)

// timeout is the time limit for one build.
const timeout = 2 * time.Minute

// machine is the registry, web site, application and environment of one scenario.
type machine struct {
	t        *testing.T
	registry *localecr.Server
	blobs    string
	site     *httptest.Server
	pages    map[string]string
	app      string
	tmp      string
	args     []string
	env      map[string]string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	w := &machine{t: t, blobs: t.TempDir(), app: t.TempDir(), tmp: t.TempDir(), pages: map[string]string{}}
	server, err := localecr.Start(localecr.Config{Dir: w.blobs})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	w.registry = server
	w.site = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.site.Close)
	w.env = map[string]string{
		"LAYERCACHE_REPOSITORY": server.Addr() + "/cache",
		"LAYERCACHE_MIRRORS":    "bases.example=" + server.Addr() + "/bases",
		"LAYERCACHE_BRANCH":     "main",
		// On a busy machine the registry may be slow; that must not count as a cache failure.
		"LAYERCACHE_CACHE_TIMEOUT": "60s",
		"LAYERCACHE_REPORT_DIR":    filepath.Join(w.tmp, "report"),
	}
	w.pushBase("tiny:1", "first")
	return w
}

func (w *machine) push(image string, content v1.Image) {
	w.t.Helper()
	ref, err := name.ParseReference(w.registry.Addr() + "/" + image)
	require.NoError(w.t, err)
	require.NoError(w.t, remote.Write(ref, content))
}

// write writes a file of the application. It replaces http://site.example in the content with the URL of the
// scenario's web site.
func (w *machine) write(path, content string) {
	w.t.Helper()
	full := filepath.Join(w.app, path)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(w.t, os.WriteFile(full, []byte(strings.ReplaceAll(content, "http://site.example", w.site.URL)), 0o644))
}

// build runs `layercache build --push --tag IMAGE ARGS… .` in the application's folder and returns its
// report.
func (w *machine) build() *report.Report {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	defer cancel()
	args := append(append([]string{"build", "--push", "--tag", w.registry.Addr() + "/shop:1"}, w.args...), ".")
	cmd := exec.CommandContext(ctx, programs.Path(programs.Bundled), args...)
	cmd.Dir = w.app
	cmd.Env = w.environment()
	for variable, value := range w.env {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	_ = cmd.Run()
	got, err := report.Read(filepath.Join(w.env["LAYERCACHE_REPORT_DIR"], report.File))
	require.NoError(w.t, err, log.String())
	return got
}

// environment returns the variables for programs, without the LAYERCACHE_* variables of this process.
func (w *machine) environment() []string {
	return []string{"TMPDIR=" + w.tmp, "HOME=" + w.tmp, "PATH=" + os.Getenv("PATH"), "DOCKER_CONFIG=" + w.tmp}
}
