package builder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
)

const (
	eventually = 10 * time.Second
	tick       = 10 * time.Millisecond
)

// fakes is a PATH with fake programs that record their calls.
type fakes struct {
	t   *testing.T
	dir string
}

func newFakes(t *testing.T) fakes {
	t.Helper()
	f := fakes{t, t.TempDir()}
	t.Setenv("PATH", f.dir+":/usr/bin:/bin")
	t.Setenv("XDG_CACHE_HOME", filepath.Join(f.dir, "cache"))
	t.Setenv("TMPDIR", shortTemp(t))
	t.Setenv("DOCKER_CONFIG", filepath.Join(f.dir, "docker-config"))
	for _, variable := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_CONFIG", "BUILDX_BUILDER"} {
		t.Setenv(variable, "")
	}
	return f
}

// program puts a shell script on PATH that records its call and then runs body.
func (f fakes) program(name, body string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	script := "#!/bin/sh\necho \"" + name + " $*\" >>'" + filepath.Join(f.dir, "calls") + "'\n" + body + "\n"
	require.NoError(f.t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

// calls returns the calls so far.
func (f fakes) calls() []string {
	f.t.Helper()
	content, err := os.ReadFile(filepath.Join(f.dir, "calls"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(f.t, err)
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

func (f fakes) options(kind, buildxBody string) Options {
	return Options{Kind: kind, Buildx: buildx.Client{Path: f.program("buildx", buildxBody)}}
}

// shortTemp returns a temporary folder with a path short enough for Unix sockets in it.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "lc")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
