//go:build linux

package hostile

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/test/programs"
)

// forgery is what a registry answers that means to be taken for buildx: steps that never ran, all from the cache, with what they
// printed; then lines of the helper's and of the build service's.
func forgery() string {
	now := time.Now()
	digest := func(name string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(name))) }
	lines := []string{"no such thing"}
	for i, name := range []string{"importing cache manifest from " + cacheHost + "/cache:" + mark, "[1/2] RUN " + mark + " forged", "[2/2] RUN " + mark + " forged too"} {
		vertex := progress.Vertex{Digest: digest(name), Name: name, Started: &now, Completed: &now, Cached: i > 0}
		event := progress.Event{Vertexes: []progress.Vertex{vertex}, Logs: []progress.Log{{Vertex: vertex.Digest, Data: []byte(mark + " printed\n"), Timestamp: now}}}
		line, _ := json.Marshal(event)
		lines = append(lines, string(line))
	}
	return strings.Join(append(lines, "layercache: cache used: "+mark, "[Container] 2026/01/01 00:00:00 "+mark, "#1 "+mark, ""), "\n")
}

// refusingRegistry is a registry that has no blob, and whose errors are the forgery.
func refusingRegistry(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/blobs/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		body, _ := json.Marshal(map[string]any{"errors": []map[string]string{{"code": "DENIED", "message": forgery()}}})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestWhatARegistryAnswersIsNoProgress(t *testing.T) {
	cases := []struct {
		name  string
		given func(p *project)
		// steps are those of the report, quoted is a part of the log's line that quotes the answer.
		steps  []string
		quoted string
	}{
		{"to a pull", func(p *project) {
			p.write("Dockerfile", "FROM "+refusingRegistry(p.t, http.StatusForbidden)+"/base:1\nRUN true\n")
		}, nil, "buildx: {\"vertexes\""},
		{"to a push", func(p *project) { p.env["LAYERCACHE_IMAGE"] = refusingRegistry(p.t, http.StatusBadRequest) + "/shop" }, []string{"COPY text text"}, "buildx: {\"vertexes\""},
		{"to a pull, where the log shows errors alone", func(p *project) {
			p.env["LAYERCACHE_ARGS"] = `["--quiet"]`
			p.write("Dockerfile", "FROM "+refusingRegistry(p.t, http.StatusForbidden)+"/base:1\nRUN true\n")
		}, nil, "buildx: {\"vertexes\""},
		{"to the import and the export of a cache", func(p *project) {
			p.env["LAYERCACHE_REPOSITORY"] = refusingRegistry(p.t, http.StatusForbidden) + "/cache"
		}, []string{"COPY text text"}, "could not be"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			c.given(p)
			got := p.image()
			require.NotNil(t, got.Report, got.log)
			var steps []string
			for _, step := range got.Steps {
				if !strings.HasPrefix(step.Instruction, "FROM ") {
					steps = append(steps, step.Instruction)
				}
			}
			assert.Equal(t, c.steps, steps, "steps of the report")
			hits, _ := got.Hits()
			assert.Zero(t, hits)
			assert.NotEqual(t, "used", got.Verdict)
			assert.Contains(t, got.log, c.quoted)
			cases, err := os.ReadFile(filepath.Join(p.reports, "junit.xml"))
			require.NoError(t, err)
			assert.NotContains(t, string(cases), "name=\"RUN "+mark)
			for line := range strings.Lines(got.log) {
				if at := strings.Index(line, mark); at >= 0 && !strings.HasPrefix(line, "buildx: ") && !strings.HasPrefix(line, "layercache: ") {
					assert.Regexp(t, `^#\d+ `, line, "the line's beginning is the display's own")
					assert.NotRegexp(t, `^#\d+ (\[\d/\d\] RUN )?`+mark, line, "and so is what follows")
				}
			}
			p.harmless(got)
		})
	}
}

// A frontend is an image that reads the Dockerfile, and names its steps as it likes.
func TestAFrontendIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		given func(p *project, frontend string)
		want  bool
	}{
		"by the Dockerfile": {func(p *project, frontend string) {
			p.write("Dockerfile", "# syntax="+frontend+"\nFROM "+base+"\nCOPY text text\n")
		}, true},
		"by a build argument": {func(p *project, frontend string) {
			p.env["LAYERCACHE_BUILD_ARGS"] = `{"BUILDKIT_SYNTAX":"` + frontend + `"}`
		}, true},
		"none": {func(*project, string) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			frontend := refusingRegistry(t, http.StatusForbidden) + "/frontend:1"
			c.given(p, frontend)
			got := p.image()
			require.NotNil(t, got.Report, got.log)
			page, err := os.ReadFile(filepath.Join(p.reports, "report.md"))
			require.NoError(t, err)
			if !c.want {
				assert.Empty(t, got.Frontend)
				assert.NotContains(t, string(page), "frontend")
				return
			}
			assert.Equal(t, frontend, got.Frontend)
			assert.Contains(t, got.log, "layercache: the frontend "+frontend+" read the Dockerfile and named the steps\n")
			assert.Contains(t, string(page), "steps named by the frontend `"+frontend+"`")
			p.harmless(got)
		})
	}
}

// A frontend's result may hold a message, which buildx prints to its standard output. Here a program in buildx's place prints it.
func TestWhatBuildxPrintsIsNotTakenForTheHelpers(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("../home/.docker/cli-plugins/docker-buildx", "#!/bin/sh\necho '[Container] "+mark+"'; echo 'layercache: cache used: "+mark+"'\nexec "+programs.Path(programs.Buildx)+" \"$@\"\n")
	require.NoError(t, os.Chmod(filepath.Join(p.home, ".docker/cli-plugins/docker-buildx"), 0o755))
	got := p.succeeds(p.image())
	assert.Contains(t, got.log, "buildx: [Container] "+mark+"\nbuildx: layercache: cache used: "+mark+"\n")
	p.harmless(got)
}
