//go:build linux

package ecrhost_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/kit/programs"
)

const (
	imageHost  = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
	cacheHost  = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"
	mirrorHost = "777788889999.dkr.ecr.us-east-1.amazonaws.com"
	cacheRole  = "arn:aws:iam::444455556666:role/layercache"

	dockerfile = "FROM public.ecr.aws/docker/library/busybox:1.37\nCOPY text text\nRUN cat text > copy\n"
)

// project is an application, its environment and the simulated AWS that it is built in.
type project struct {
	t     *testing.T
	aws   *ecrhost.Server
	dir   string
	home  string
	image string
	env   map[string]string
	// credentials means that the build has AWS credentials.
	credentials bool
}

func newProject(t *testing.T, config ecrhost.Config) *project {
	t.Helper()
	config.Dir = t.TempDir()
	server, err := ecrhost.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	p := &project{t: t, aws: server, dir: t.TempDir(), home: t.TempDir(), image: imageHost + "/shop:1", credentials: true}
	p.env = map[string]string{
		"LAYERCACHE_REPOSITORY": cacheHost + "/cache",
		"LAYERCACHE_MIRRORS":    "public.ecr.aws=" + mirrorHost + "/ecr-public",
		"LAYERCACHE_BRANCH":     "main",
		"LAYERCACHE_BUILDER":    "native",
		"LAYERCACHE_REPORT_DIR": filepath.Join(t.TempDir(), "report"),
	}
	p.write("Dockerfile", dockerfile)
	p.write("text", "hello\n")
	return p
}

func (p *project) write(name, content string) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600))
}

// everyone returns the three registries, open to everyone with a token.
func everyone() map[string]ecrhost.Registry { return open(nil, nil) }

// open returns the three registries, of which those of the images and of the cache are open only to the given
// principals.
func open(images, caches []string) map[string]ecrhost.Registry {
	return map[string]ecrhost.Registry{
		imageHost:  {Principals: images, Repositories: map[string]ecrhost.Repository{"shop": {}, "cache": {}}},
		cacheHost:  {Principals: caches, Repositories: map[string]ecrhost.Repository{"cache": {}}},
		mirrorHost: {Principals: images, PullThrough: map[string]string{"ecr-public": "public.ecr.aws"}},
	}
}

// outcome is the result of a build.
type outcome struct {
	*report.Report
	exitCode int
	log      string
}

// build runs `layercache build --push`. It also collects what other processes on the machine can see of the
// build.
func (p *project) build(args ...string) outcome {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := p.aws.Command(ctx, programs.Path(programs.Bundled), append([]string{"build", "--push", "--tag", p.image, "."}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(p.aws.Environ(), "TMPDIR="+p.home, "HOME="+p.home, "PATH="+os.Getenv("PATH"))
	if p.credentials {
		cmd.Env = append(cmd.Env, p.aws.Credentials()...)
	}
	for variable, value := range p.env {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(p.t, cmd.Start())
	stop := make(chan struct{})
	seen := make(chan string, 1)
	go func() { seen <- commandLines(stop) }()
	err := cmd.Wait()
	close(stop)
	require.NoError(p.t, ctx.Err(), log.String())

	got := outcome{exitCode: cmd.ProcessState.ExitCode(), log: log.String()}
	if err == nil {
		got.Report, err = report.Read(filepath.Join(p.env["LAYERCACHE_REPORT_DIR"], report.File))
		require.NoError(p.t, err, got.log)
	}
	p.nothingShown(got.log, <-seen)
	return got
}

func (p *project) succeeds(o outcome) outcome {
	p.t.Helper()
	require.Zero(p.t, o.exitCode, o.log)
	return o
}

// commandLines collects the command lines of all processes until stop.
func commandLines(stop <-chan struct{}) string {
	lines := map[string]bool{}
	for {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if content, err := os.ReadFile(file); err == nil {
				lines[string(content)] = true
			}
		}
		select {
		case <-stop:
			var all strings.Builder
			for line := range lines {
				all.WriteString(line + "\n")
			}
			return all.String()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// nothingShown checks that no secret is in the log, in a command line, or in a file that remains.
func (p *project) nothingShown(log, commandLines string) {
	p.t.Helper()
	assert.Contains(p.t, commandLines, "buildkitd", "the command lines must be collected")
	private, err := filepath.Glob(filepath.Join(p.home, "layercache-*"))
	require.NoError(p.t, err)
	assert.Empty(p.t, private, "private folders that were not removed")
	files := map[string]string{"the log": log, "a command line": commandLines}
	for _, root := range []string{p.home, p.dir, filepath.Dir(p.env["LAYERCACHE_REPORT_DIR"])} {
		require.NoError(p.t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(path, ".docker/config.json") {
				return err
			}
			content, err := os.ReadFile(path)
			files[path] = string(content)
			return err
		}))
	}
	for _, secret := range p.aws.Secrets() {
		for where, content := range files {
			assert.NotContains(p.t, content, secret, where)
		}
	}
}

// pushers returns the principals that wrote to the host, without duplicates.
func (p *project) pushers(host string) []string {
	var principals []string
	for _, request := range p.aws.Requests() {
		if request.Host == host && request.Method == "PUT" && request.Status == 201 && !slices.Contains(principals, request.Principal) {
			principals = append(principals, request.Principal)
		}
	}
	return principals
}

// has reports whether a request for the path on the host was answered with the status.
func (p *project) has(host, path string, status int) bool {
	return slices.ContainsFunc(p.aws.Requests(), func(r ecrhost.Request) bool {
		return r.Host == host && r.Path == path && r.Status == status
	})
}
