//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// other is a buildkitd that the helper did not start, and that buildx knows as "mine".
type other struct {
	c      *cell
	daemon *exec.Cmd
	log    bytes.Buffer
}

// otherBuilder starts such a builder and makes the cell build on it, with --builder.
func (c *cell) otherBuilder() *other {
	c.t.Helper()
	config, socket := filepath.Join(c.tmp, "buildkitd.toml"), filepath.Join(c.tmp, "mine.sock")
	mirrors := fmt.Appendf(nil, "[registry.\"bases.test\"]\n  mirrors = [%q]\n", c.w.registry.Addr()+"/bases")
	require.NoError(c.t, os.WriteFile(config, mirrors, 0o600))
	o := &other{c: c, daemon: c.inside(c.t.Context(), programs.Path(programs.Buildkitd), "--config", config, "--root", "/var/lib/layercache/mine",
		"--addr", "unix://"+socket, "--otel-socket-path", filepath.Join(c.tmp, "otel.sock"), "--containerd-worker=false", "--oci-worker-net", "host")}
	o.daemon.Stdout, o.daemon.Stderr = &o.log, &o.log
	require.NoError(c.t, o.daemon.Start())
	c.t.Cleanup(o.stop)
	require.Eventually(c.t, func() bool {
		connection, err := net.Dial("unix", socket)
		return err == nil && connection.Close() == nil
	}, time.Minute, 20*time.Millisecond, "buildkitd does not start")
	c.env["BUILDX_CONFIG"] = filepath.Join(c.tmp, "instances")
	made, err := c.inside(c.t.Context(), programs.Path(programs.Buildx), "create", "--name", "mine", "--driver", "remote", "unix://"+socket).CombinedOutput()
	require.NoError(c.t, err, string(made))
	c.args = append(c.args, "--builder", "mine")
	return o
}

// stop ends the builder and removes its files, for which the helper is not responsible.
func (o *other) stop() {
	if o.daemon.ProcessState != nil {
		return
	}
	_ = o.daemon.Process.Kill()
	_ = o.daemon.Wait()
	assert.NoError(o.c.t, os.RemoveAll(filepath.Join(o.c.state, "mine")))
}

// halting sends the first half of the answer and then nothing.
func halting(f *front, w http.ResponseWriter, r *http.Request) {
	content := f.content(r)
	for name, values := range content.header {
		w.Header()[name] = values
	}
	w.WriteHeader(content.status)
	_, _ = w.Write(content.body.Next(content.body.Len() / 2))
	w.(http.Flusher).Flush()
	silence(f, w, r)
}

// parts are the parts of a cache that BuildKit reads; each stops half-way in one test.
var parts = []struct {
	name string
	is   func(w *baseline, path string) bool
	// holds reports whether this blocks the builder completely.
	holds bool
}{
	{"manifest", func(_ *baseline, path string) bool { return strings.Contains(path, "/manifests/") }, true},
	{"config", func(w *baseline, path string) bool { return strings.HasSuffix(path, w.good.config) }, true},
	{"layer", func(w *baseline, path string) bool { return slices.Contains(w.good.layers, filepath.Base(path)) }, false},
}

// TestAForeignBuilderDoesNotWaitForAStalledCache is about a builder that the helper cannot kill: a part of
// the cache starts to arrive and stalls, after the helper has found the cache.
func TestAForeignBuilderDoesNotWaitForAStalledCache(t *testing.T) {
	w := newBaseline(t)
	for _, part := range parts {
		stalled := func(t *testing.T) (*cell, *front, *other) {
			c := w.cell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
			w.plant(t, c.name)
			c.env["LAYERCACHE_CACHE_TIMEOUT"] = "2s"
			front := c.newFront(proxyTo(w.registry.Addr()), strike{fault: fault{answer: halting}, at: func(r *http.Request) bool {
				return r.Method == http.MethodGet && strings.HasPrefix(r.UserAgent(), "buildkit/") && part.is(w, r.URL.Path)
			}})
			c.repository = front.host() + "/" + c.name
			return c, front, c.otherBuilder()
		}
		t.Run("half of the "+part.name, func(t *testing.T) {
			t.Parallel()
			c, front, mine := stalled(t)
			o := c.build()
			assert.Positive(t, front.hits(), "the fault never occurred:\n%s", o.log)
			o.succeeds(t)
			assert.Equal(t, w.program, w.imageOf(t, c.name), o.log)
			assert.Contains(t, o.causes(), "reading: the registry did not answer in time, or too slowly (LAYERCACHE_CACHE_TIMEOUT)", o.log)
			assert.Equal(t, map[bool]string{true: "native", false: "mine"}[part.holds], o.Builder, o.log)
			mine.stop()
			assert.Equal(t, "as before", c.cacheAfter())
			c.nothingLeft()
		})
		if !part.holds {
			continue
		}
		t.Run("half of the "+part.name+", where no other builder can run", func(t *testing.T) {
			t.Parallel()
			c, _, mine := stalled(t)
			o := c.without("runc")
			assert.Equal(t, 1, o.exitCode, o.log)
			assert.Contains(t, o.log, "builder mine is stuck: its cache import stopped responding and BuildKit cannot cancel it")
			assert.Contains(t, o.log, "no other builder can take over (native builder: runc is not on PATH")
			assert.Empty(t, w.imageOf(t, c.name))
			mine.stop()
			c.nothingLeft()
		})
	}
}
