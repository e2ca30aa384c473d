//go:build linux

package hostile

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
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

	base = "public.ecr.aws/docker/library/busybox:1.37"
)

// project is a source, its environment and the simulated AWS that it is built in. The source is one of
// several folders in root.
type project struct {
	t   *testing.T
	aws *ecrhost.Server
	// root contains all folders that the project may write to: source, home with the temporary files, and
	// reports.
	root, dir, home, reports string
	// store is the folder with the registries' blobs.
	store string
	env   map[string]string
	// watched means that the processes of its builds are observed, which takes time.
	watched bool
}

func newProject(t *testing.T) *project {
	t.Helper()
	store, root := t.TempDir(), t.TempDir()
	started, err := ecrhost.Start(ecrhost.Config{Dir: store, Registries: map[string]ecrhost.Registry{
		imageHost:  {Repositories: map[string]ecrhost.Repository{"shop": {}}},
		cacheHost:  {Repositories: map[string]ecrhost.Repository{"cache": {}}},
		mirrorHost: {PullThrough: map[string]string{"ecr-public": "public.ecr.aws"}, Repositories: map[string]ecrhost.Repository{"tools": {}}},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, started.Close()) })
	p := &project{
		t: t, aws: started, store: store, root: root,
		dir: filepath.Join(root, "source"), home: filepath.Join(root, "home"), reports: filepath.Join(root, "reports"),
	}
	require.NoError(t, os.MkdirAll(p.home, 0o700))
	p.env = map[string]string{
		"LAYERCACHE_IMAGE":      imageHost + "/shop",
		"LAYERCACHE_REPOSITORY": cacheHost + "/cache",
		"LAYERCACHE_MIRRORS":    "public.ecr.aws=" + mirrorHost + "/ecr-public",
		"LAYERCACHE_BRANCH":     "main",
		"LAYERCACHE_BUILDER":    "native",
		"LAYERCACHE_REPORT_DIR": p.reports,
	}
	p.write("Dockerfile", "FROM "+base+"\nCOPY text text\n")
	p.write("text", "hello\n")
	return p
}

// write writes a file of the source.
func (p *project) write(name, content string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(p.t, os.WriteFile(path, []byte(content), 0o644))
}

// outcome is the result of a build.
type outcome struct {
	*report.Report
	exitCode int
	log      string
	seen     seen
}

// image runs `layercache image`, as a CodeBuild project does.
func (p *project) image() outcome { return p.run("image") }

func (p *project) run(args ...string) outcome {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := p.aws.Command(ctx, programs.Path(programs.Bundled), args...)
	cmd.Dir = p.dir
	cmd.Env = append(p.aws.Environ(), append(p.aws.Credentials(), "TMPDIR="+p.home, "HOME="+p.home, "PATH="+os.Getenv("PATH"))...)
	for variable, value := range p.env {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(p.t, cmd.Start())
	stopWatching := func() seen { return seen{} }
	if p.watched {
		stopWatching = watch(cmd.Process.Pid)
	}
	_ = cmd.Wait()
	got := outcome{exitCode: cmd.ProcessState.ExitCode(), log: log.String(), seen: stopWatching()}
	require.NoError(p.t, ctx.Err(), got.log)
	path := filepath.Join(p.reports, report.File)
	if _, err := os.Stat(path); err == nil {
		var err error
		got.Report, err = report.Read(path)
		require.NoError(p.t, err, got.log)
	}
	p.nothingLeft()
	return got
}

// succeeds checks that the build succeeded and wrote a report.
func (p *project) succeeds(o outcome) outcome {
	p.t.Helper()
	require.Zero(p.t, o.exitCode, "%.2000s", o.log)
	require.NotNil(p.t, o.Report, o.log)
	return o
}

// nothingLeft checks that the build left no temporary files.
func (p *project) nothingLeft() {
	p.t.Helper()
	left, err := filepath.Glob(filepath.Join(p.home, "layercache*"))
	require.NoError(p.t, err)
	assert.Empty(p.t, left, "the helper must remove its temporary files")
}
