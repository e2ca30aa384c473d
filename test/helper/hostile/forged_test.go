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
	"github.com/layercache/layercache/test/kit/programs"
)

// forgery returns a registry's error text that imitates buildx, the helper and CodeBuild: cached steps that
// never ran, with their output, followed by lines in the form of the helper's and CodeBuild's logs.
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

// refusingRegistry starts a registry without blobs that answers with the forgery as its error. It returns the
// registry's address.
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

func TestARegistrysErrorTextIsNotProgress(t *testing.T) {
	cases := []struct {
		name  string
		given func(p *project)
		// steps are the steps of the report. quoted is a part of the line in the log that quotes the error.
		steps  []string
		quoted string
	}{
		{"the error of a pull", func(p *project) {
			p.write("Dockerfile", "FROM "+refusingRegistry(p.t, http.StatusForbidden)+"/base:1\nRUN true\n")
		}, nil, "buildx: {\"vertexes\""},
		{"the error of a push", func(p *project) { p.env["LAYERCACHE_IMAGE"] = refusingRegistry(p.t, http.StatusBadRequest) + "/shop" }, []string{"COPY text text"}, "buildx: {\"vertexes\""},
		{"the error of a pull, in a log with errors only", func(p *project) {
			p.env["LAYERCACHE_ARGS"] = `["--quiet"]`
			p.write("Dockerfile", "FROM "+refusingRegistry(p.t, http.StatusForbidden)+"/base:1\nRUN true\n")
		}, nil, "buildx: {\"vertexes\""},
		{"the error of the import and export of a cache", func(p *project) {
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
			assert.Equal(t, c.steps, steps, "the steps of the report")
			hits, _ := got.Hits()
			assert.Zero(t, hits)
			assert.NotEqual(t, "used", got.Verdict)
			assert.Contains(t, got.log, c.quoted)
			cases, err := os.ReadFile(filepath.Join(p.reports, "junit.xml"))
			require.NoError(t, err)
			assert.NotContains(t, string(cases), "name=\"RUN "+mark)
			for line := range strings.Lines(got.log) {
				if at := strings.Index(line, mark); at >= 0 && !strings.HasPrefix(line, "buildx: ") && !strings.HasPrefix(line, "layercache: ") {
					assert.Regexp(t, `^#\d+ `, line, "the line must start with the step's number")
					assert.NotRegexp(t, `^#\d+ (\[\d/\d\] RUN )?`+mark, line, "the forged text must not follow the step's number")
				}
			}
			p.harmless(got)
		})
	}
}

// A frontend is an image that reads the Dockerfile. It can give the steps any names, so the report must name
// the frontend.
func TestTheReportNamesTheFrontend(t *testing.T) {
	for name, c := range map[string]struct {
		given func(p *project, frontend string)
		want  bool
	}{
		"a frontend in the Dockerfile": {func(p *project, frontend string) {
			p.write("Dockerfile", "# syntax="+frontend+"\nFROM "+base+"\nCOPY text text\n")
		}, true},
		"a frontend in a build argument": {func(p *project, frontend string) {
			p.env["LAYERCACHE_BUILD_ARGS"] = `{"BUILDKIT_SYNTAX":"` + frontend + `"}`
		}, true},
		"no frontend": {func(*project, string) {}, false},
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
			assert.Contains(t, got.log, "layercache: the step names come from the frontend "+frontend+"\n")
			assert.Contains(t, string(page), "The step names come from the frontend `"+frontend+"`")
			p.harmless(got)
		})
	}
}

// A frontend's result may contain a message, which buildx prints to its standard output. Here a fake buildx
// prints it.
func TestOutputOfBuildxIsMarked(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("../home/.docker/cli-plugins/docker-buildx", "#!/bin/sh\necho '[Container] "+mark+"'; echo 'layercache: cache used: "+mark+"'\nexec "+programs.Path(programs.Buildx)+" \"$@\"\n")
	require.NoError(t, os.Chmod(filepath.Join(p.home, ".docker/cli-plugins/docker-buildx"), 0o755))
	got := p.succeeds(p.image())
	assert.Contains(t, got.log, "buildx: [Container] "+mark+"\nbuildx: layercache: cache used: "+mark+"\n")
	p.harmless(got)
}
