package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/test/kit/buildkitd"
	"github.com/layercache/layercache/test/kit/programs"
)

// truth is the result of a build according to BuildKit's own client.
type truth struct {
	// metrics is the last line of --debug-json-cache-metrics. missed holds the names in the lines before it.
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

// truth runs the helper's next build with buildctl, with the same caches, on a separate buildkitd.
func (w *machine) truth(refs []string) truth {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	defer cancel()
	address := buildkitd.Start(w.t, "[registry.\"bases.example\"]\nmirrors = [\""+w.registry.Addr()+"/bases\"]\n")
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

// bases is the pattern by which buildctl recognizes FROM steps.
var bases = regexp.MustCompile(`^\[.*\] FROM`)

// count computes the metrics of a failed build, because buildctl may exit before it writes them. It applies
// buildctl's rules to the vertices in the log (cmd/buildctl/cachemetrics.go).
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

// summary returns buildctl's results for a failure message.
func (g *truth) summary() string {
	return fmt.Sprintf("%+v, missed:\n  %s", g.metrics, strings.Join(g.missed, "\n  "))
}

func (g *truth) observe(event progress.Event) {
	for _, vertex := range event.Vertexes {
		vertex.Cached = vertex.Cached || g.vertices[vertex.Digest].Cached
		g.vertices[vertex.Digest] = vertex
	}
}

// buildctlArgs translates arguments of `docker buildx build`, each of the form --NAME=VALUE, to arguments of
// buildctl.
func buildctlArgs(args []string) []string {
	var translated []string
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "--secret":
			translated = append(translated, name, value)
		case "--build-arg":
			translated = append(translated, "--opt", "build-arg:"+value)
		case "--file":
			translated = append(translated, "--opt", "filename="+value)
		case "--network":
			translated = append(translated, "--opt", "force-network-mode="+value)
		case "--no-cache":
			translated = append(translated, "--opt", "no-cache=")
		case "--no-cache-filter":
			translated = append(translated, "--opt", "no-cache="+value)
		case "--build-context":
			context, dir, _ := strings.Cut(value, "=")
			translated = append(translated, "--local", context+"="+dir, "--opt", "context:"+context+"=local:"+context)
		default:
			translated = append(translated, "--opt", strings.TrimPrefix(arg, "--"))
		}
	}
	return translated
}
