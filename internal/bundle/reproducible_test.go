package bundle

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bundling is a program that prints the path of the bundle, whose name contains its digest.
const bundling = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/layercache/layercache/internal/bundle"
)

func main() {
	path, err := bundle.Build(context.Background(), os.Args[1], os.Stderr)
	fmt.Println(path, err)
}
`

func TestTheBundleDoesNotDependOnTheFolderAndTheHome(t *testing.T) {
	here, err := Build(t.Context(), runtime.GOARCH, io.Discard)
	require.NoError(t, err)

	source, err := SourceDir(t.Context())
	require.NoError(t, err)
	elsewhere := t.TempDir()
	for _, name := range []string{"bin", "internal"} {
		require.NoError(t, os.CopyFS(filepath.Join(elsewhere, name), os.DirFS(filepath.Join(source, name))))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(elsewhere, name), content, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(elsewhere, "bundling"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "bundling", "main.go"), []byte(bundling), 0o600))

	for _, variable := range []string{"GOCACHE", "GOMODCACHE"} { // Reuse compiled packages and downloaded modules.
		value, err := exec.CommandContext(t.Context(), "go", "env", variable).Output()
		require.NoError(t, err)
		t.Setenv(variable, strings.TrimSpace(string(value)))
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GOFLAGS", "-ldflags=-X=main.user=somebody")
	there := exec.CommandContext(t.Context(), "go", "run", "./bundling", runtime.GOARCH)
	there.Dir = elsewhere
	there.Stderr = os.Stderr
	printed, err := there.Output()
	require.NoError(t, err)
	assert.Equal(t, here+" <nil>\n", string(printed))
}

func TestABuildDownloadsAtMost21MB(t *testing.T) {
	path, err := Build(t.Context(), runtime.GOARCH, io.Discard)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Size(), int64(21_000_000), "see with `go list -deps` and `go tool nm -size` what the helper imports")
}
