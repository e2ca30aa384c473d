package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/test/programs"
)

// truth is what BuildKit's own client says of a build.
type truth struct {
	// metrics is what --debug-json-cache-metrics wrote last, missed the names that it wrote before.
	metrics struct {
		UserTotal     int `json:"user_total"`
		UserCacheable int `json:"user_cacheable"`
		UserCached    int `json:"user_cached"`
		From          int `json:"from"`
		Miss          int `json:"miss"`
	}
	missed []string
	// vertices is the last state of every vertex.
	vertices map[string]progress.Vertex
	failed   bool
	log      string
}

// truth builds what the helper is to build next, with the same caches, by buildctl on a buildkitd of its own.
func (w *world) truth(refs []string) truth {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	defer cancel()
	address := w.startBuildkitd()
	metrics := filepath.Join(w.tmp, "metrics")
	args := []string{"--addr", address, "build", "--progress", "rawjson", "--debug-json-cache-metrics", metrics,
		"--frontend", "dockerfile.v0", "--local", "context=.", "--local", "dockerfile=.",
		"--output", "type=image,push=true,name=" + w.registry.Addr() + "/shop:truth"}
	for _, ref := range refs {
		args = append(args, "--import-cache", "type=registry,ref="+ref)
	}
	cmd := exec.CommandContext(ctx, programs.Path(programs.Buildctl), append(args, buildctlArgs(w.args)...)...)
	cmd.Dir, cmd.Env = w.app, w.environment()
	var stream bytes.Buffer
	cmd.Stderr = &stream
	got := truth{failed: cmd.Run() != nil, log: stream.String(), vertices: map[string]progress.Vertex{}}
	require.NoError(w.t, ctx.Err(), got.log)
	require.NoError(w.t, progress.Read(&stream, got.observe, func([]byte) {}))
	if got.failed {
		got.count()
		return got
	}
	content, err := os.ReadFile(metrics)
	require.NoError(w.t, err, got.log)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	require.NoError(w.t, json.Unmarshal([]byte(lines[len(lines)-1]), &got.metrics))
	for _, line := range lines[:len(lines)-1] {
		got.missed = append(got.missed, strings.TrimPrefix(line, "cache miss: "))
	}
	return got
}

// bases is how buildctl tells the step FROM.
var bases = regexp.MustCompile(`^\[.*\] FROM`)

// count is for a build that failed: buildctl may leave before its metrics are written, so its rules are applied to the
// vertices that it did write (cmd/buildctl/cachemetrics.go).
func (g *truth) count() {
	for _, vertex := range g.vertices {
		name := vertex.Name
		if strings.HasPrefix(name, "[internal]") || strings.HasPrefix(name, "[auth]") ||
			strings.HasPrefix(name, "importing cache") || strings.HasPrefix(name, "exporting ") {
			continue
		}
		g.metrics.UserTotal++
		isBase := bases.MatchString(name)
		if isBase {
			g.metrics.From++
		}
		if vertex.Cached {
			g.metrics.UserCached++
		} else if !isBase {
			g.metrics.Miss++
			g.missed = append(g.missed, name)
		}
	}
	g.metrics.UserCacheable = g.metrics.UserTotal - g.metrics.From
}

// told is buildctl's side of a failure's message.
func (g *truth) told() string {
	return fmt.Sprintf("%+v, missed:\n  %s", g.metrics, strings.Join(g.missed, "\n  "))
}

func (g *truth) observe(event progress.Event) {
	for _, vertex := range event.Vertexes {
		vertex.Cached = vertex.Cached || g.vertices[vertex.Digest].Cached
		g.vertices[vertex.Digest] = vertex
	}
}

// startBuildkitd starts a buildkitd on an empty state folder, in a mount namespace of its own, until the test ends.
func (w *world) startBuildkitd() string {
	w.t.Helper()
	state, err := os.MkdirTemp("", "layercache-truth-")
	require.NoError(w.t, err)
	config := filepath.Join(state, "buildkitd.toml")
	require.NoError(w.t, os.WriteFile(config, []byte("[registry.\"bases.example\"]\nmirrors = [\""+w.registry.Addr()+"/bases\"]\n"), 0o600))
	socket := filepath.Join(state, "buildkitd.sock")
	cmd := exec.Command(programs.Path(programs.Buildkitd), "--config", config, "--root", filepath.Join(state, "root"),
		"--addr", "unix://"+socket, "--otel-socket-path", filepath.Join(state, "otel.sock"),
		"--containerd-worker=false", "--oci-worker-net", "host")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(w.t, confine(cmd))
	require.NoError(w.t, cmd.Start())
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = os.RemoveAll(state)
	})
	require.Eventually(w.t, func() bool {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, time.Minute, 5*time.Millisecond, "buildkitd does not listen")
	return "unix://" + socket
}

// buildctlArgs are arguments of `docker buildx build`, each of the form --NAME=VALUE, in buildctl's words.
func buildctlArgs(args []string) []string {
	var own []string
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "--secret":
			own = append(own, name, value)
		case "--build-arg":
			own = append(own, "--opt", "build-arg:"+value)
		case "--file":
			own = append(own, "--opt", "filename="+value)
		case "--no-cache-filter":
			own = append(own, "--opt", "no-cache="+value)
		case "--build-context":
			context, dir, _ := strings.Cut(value, "=")
			own = append(own, "--local", context+"="+dir, "--opt", "context:"+context+"=local:"+context)
		default:
			own = append(own, "--opt", strings.TrimPrefix(arg, "--"))
		}
	}
	return own
}
