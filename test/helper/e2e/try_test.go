package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/baseimage"
)

func TestTry(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	delete(w.env, "LAYERCACHE_REPOSITORY")
	before := snapshot(t, w.app)
	got := w.run("try", w.app)
	require.Zero(t, got.exitCode, got.log)
	assert.Regexp(t, `(?m)^cold +[\d.]+ .* 0/6 +cold$`, got.log)
	assert.Regexp(t, `(?m)^unchanged +[\d.]+ .* 6/6 +used$`, got.log)
	assert.Regexp(t, `(?m)^changed source +[\d.]+ .* 3/6 +partly-used$`, got.log)
	assert.Regexp(t, `(?m)^no cache +[\d.]+ .* 0/6 +off$`, got.log)
	assert.Contains(t, got.log, "changed source: src/main.txt")
	assert.Contains(t, got.log, "changed dependency: left out, because no step takes a file that lists dependencies")
	assert.NotRegexp(t, troubled, got.log)
	assert.Equal(t, before, snapshot(t, w.app), "the user's folder must not change")
}

func TestTryOfABakeFile(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	delete(w.env, "LAYERCACHE_REPOSITORY")
	w.write("compose.yaml", fmt.Sprintf(`services:
  api:
    build: ./api
  web:
    build:
      context: ./web
      x-bake:
        output: ["type=image,name=%[1]s/real:latest,push=true"]
        cache-to: ["type=registry,ref=%[1]s/real:cache"]
`, w.registry.Addr()))
	for _, service := range []string{"api", "web"} {
		w.write(service+"/Dockerfile", "FROM "+base+"\nRUN echo tools > /tools\nCOPY src src\nRUN cat src/* > program\n")
		w.write(service+"/src/main.txt", service)
	}
	before := snapshot(t, w.app)
	got := w.run("try", w.app, "--bake", "compose.yaml")
	require.Zero(t, got.exitCode, got.log)
	assert.Regexp(t, `(?m)^target +cold +unchanged +changed source +no cache$`, got.log)
	assert.Regexp(t, `(?m)^api +[\d.]+ s, 0/3 cold +[\d.]+ s, 3/3 used +[\d.]+ s, 1/3 partly-used +[\d.]+ s, 0/3 off$`, got.log)
	assert.Regexp(t, `(?m)^web +[\d.]+ s, 0/3 cold +[\d.]+ s, 3/3 used +[\d.]+ s, 3/3 used +[\d.]+ s, 0/3 off$`, got.log)
	assert.Contains(t, got.log, "changed source: api/src/main.txt")
	assert.NotRegexp(t, troubled, got.log)
	assert.Equal(t, before, snapshot(t, w.app), "the user's folder must not change")
	assert.Empty(t, w.tags("real"), "the registry of real builds gets nothing")

	w.write("compose.yaml", "services:\n  api:\n    build: ../elsewhere\n")
	got = w.run("try", w.app, "--bake", "compose.yaml")
	assert.Equal(t, 1, got.exitCode)
	assert.Contains(t, got.log, "is outside of "+w.app+": give the folder that holds all contexts")
}

func TestTryShowsCacheMounts(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	delete(w.env, "LAYERCACHE_REPOSITORY")
	w.write("Dockerfile", mounted)
	got := w.run("try", w.app)
	require.Zero(t, got.exitCode, got.log)
	assert.Regexp(t, `(?m)^build .* cached +mounts restored +saved +verdict$`, got.log)
	assert.Regexp(t, `(?m)^cold .* 0/4 +0/3 +[\d.]+ (bytes|kB) +cold$`, got.log)
	assert.Regexp(t, `(?m)^unchanged .* 4/4 +- +- +used$`, got.log)
	assert.Regexp(t, `(?m)^changed source .* 2/4 +3/3, \d+ bytes +[\d.]+ (bytes|kB) +partly-used$`, got.log)
	assert.Regexp(t, `(?m)^no cache .* 0/4 +- +- +off$`, got.log)
	assert.Contains(t, got.log, "layercache: cache mounts: not kept with the cache: the cache is off; their files were removed with the builder")
}

// The removal of the builder's files continues in the background of a real build, so it belongs to none of try's figures.
// It takes about as long as writing the files.
func TestTryDoesNotCountTheRemovalOfTheBuilder(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	delete(w.env, "LAYERCACHE_REPOSITORY")
	w.write("Dockerfile", "FROM "+base+"\nRUN mkdir files && for i in $(seq 15000); do echo $i > files/$i; done\nCOPY src src\n")
	got := w.run("try", w.app)
	require.Zero(t, got.exitCode, got.log)
	row := regexp.MustCompile(`(?m)^no cache +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +0/2`).FindStringSubmatch(got.log)
	require.NotNil(t, row, got.log)
	var seconds []float64
	for _, text := range row[1:] {
		value, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		seconds = append(seconds, value)
	}
	sum := 0.0
	for _, part := range seconds[1:] {
		sum += part
	}
	assert.InDelta(t, seconds[0], sum, 0.05, "the parts add up")
	build, finish, other := seconds[4], seconds[7], seconds[8]
	assert.Less(t, finish+other, build/2, got.log)
}

// The newest file is a lock file, and reports of an earlier run are newer still.
func TestTryChangesASourceAndADependency(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	delete(w.env, "LAYERCACHE_REPOSITORY")
	w.env["LAYERCACHE_REPORT_DIR"] = filepath.Join(w.app, "reports")
	w.write("Dockerfile", "FROM "+base+"\nWORKDIR /app\nCOPY package.json pnpm-lock.yaml ./\nRUN cat package.json > installed\nCOPY . .\nRUN cat src/* > program\n")
	w.write("package.json", "{}\n")
	for _, file := range []string{"Dockerfile", "package.json", "src/main.txt"} {
		old := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(w.app, file), old, old))
	}
	w.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")
	for range 2 {
		got := w.run("try", w.app, "--touch", "src/main.txt")
		require.Zero(t, got.exitCode, got.log)
		assert.Regexp(t, `(?m)^changed source .* 3/5 +partly-used$`, got.log)
		assert.Regexp(t, `(?m)^changed dependency .* 1/5 +partly-used$`, got.log)
		assert.Contains(t, got.log, "changed dependency: package.json, one newline added (copied by COPY package.json pnpm-lock.yaml ./;")
		assert.NotContains(t, got.log, "report.json changed")
	}
	got := w.run("try", w.app)
	require.Zero(t, got.exitCode, got.log)
	assert.Regexp(t, `(?m)^changed source: (deps|src/main).txt, one newline added`, got.log, "neither the lock file nor a report")
}

func TestTryOffline(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	delete(w.env, "LAYERCACHE_REPOSITORY")
	delete(w.env, "LAYERCACHE_MIRRORS")
	w.env["LAYERCACHE_REPORT_DIR"] = filepath.Join(w.tmp, "reports")
	w.write("Dockerfile", "# syntax=docker/dockerfile:1.99\n"+dockerfile)
	got := w.run("try", w.app, "--offline")
	require.Zero(t, got.exitCode, got.log)
	assert.Contains(t, got.log, "the frontend docker/dockerfile:1.99 is not on this machine, the builder's own is used")
	assert.Contains(t, got.log, "base image "+base+": a stand-in made of this machine's busybox")
	assert.Regexp(t, `(?m)^unchanged +[\d.]+ .* 6/6 +used$`, got.log)

	w.write("Dockerfile", "FROM registry.invalid/other:1\nCOPY src src\n")
	got = w.run("try", w.app, "--offline")
	assert.Equal(t, 1, got.exitCode)
	assert.Contains(t, got.log, "--offline: base image registry.invalid/other:1 is not on this machine")
	assert.Contains(t, got.log, "-- --build-context registry.invalid/other:1=oci-layout://DIR")
	assert.NotContains(t, got.log, "=== cold", "no build starts")
	for _, build := range []string{"cold", "unchanged", "changed-source", "no-cache"} {
		assert.FileExists(t, filepath.Join(w.tmp, "reports", build, "report.json"), "reports of the earlier try remain")
	}

	got = w.run("try", w.app)
	assert.Equal(t, 1, got.exitCode)
	assert.Contains(t, got.log, "the cold build failed with exit status 1: the image registry.invalid/other:1 could not be pulled: the registry's host name could not be resolved (DNS)")
	assert.Contains(t, got.log, "with --offline, images that this machine has are used instead")
	assert.NotContains(t, got.log, "not known yet")

	image, _, err := baseimage.StandIn(t.Context(), name.MustParseReference(base))
	require.NoError(t, err)
	place := filepath.Join(w.tmp, "layout")
	_, err = layout.Write(place, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image}))
	require.NoError(t, err)
	digest, err := image.Digest()
	require.NoError(t, err)
	got = w.run("try", w.app, "--offline", "--", "--build-context", "registry.invalid/other:1=oci-layout://"+place+"@"+digest.String())
	require.Zero(t, got.exitCode, got.log)
	assert.Regexp(t, `(?m)^unchanged +[\d.]+ .* 1/1 +used$`, got.log)
}

func TestTryWithBadInput(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	cases := []struct {
		name string
		args []string
		log  string
	}{
		{"no folder", []string{"try"}, "layercache try DIR"},
		{"a missing folder", []string{"try", "nowhere"}, "nowhere is not a folder"},
		{"a folder without a Dockerfile", []string{"try", "src"}, "--file"},
		{"a missing file to touch", []string{"try", ".", "--touch", "nothing.txt"}, "no such file"},
		{"a missing dependency file", []string{"try", ".", "--dependency", "nothing.json"}, "--dependency nothing.json: no such file"},
		{"a file to touch outside of the folder", []string{"try", ".", "--touch", "../x"}, "inside"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			got := w.run(c.args...)
			assert.Equal(t, 1, got.exitCode)
			assert.Contains(t, got.log, c.log)
			assert.NotContains(t, got.log, "goroutine")
		})
	}
}

func TestTryThatIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", slow)
	running := w.start("try", w.app)
	running.waitFor("waiting now")
	require.NoError(t, running.cmd.Process.Signal(syscall.SIGINT))
	assert.Equal(t, 130, running.wait())
	w.nothingLeft()
}

// snapshot returns the content of every file in a folder.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	}))
	return files
}
