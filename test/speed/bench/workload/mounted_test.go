package workload

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCacheMountsOfADockerfile(t *testing.T) {
	want := map[string][]string{
		"helper": {"/go/pkg/mod", "/root/.cache/go-build"}, "cargo": {"/app/target/", "/usr/local/cargo/registry/"}, "maven": {"/root/.m2"},
		"npm": {"/root/.npm", "/app/node_modules/.cache"}, "pnpm": {"/pnpm/store", "/app/node_modules/.cache"},
		"pip": {"/root/.cache/pip"}, "apt": {"/var/cache/apt", "/var/lib/apt"}, "app": nil,
	}
	for key, targets := range want {
		t.Run(key, func(t *testing.T) {
			w, err := Named(key)
			require.NoError(t, err)
			dir := filepath.Join(t.TempDir(), "context")
			require.NoError(t, w.Write(dir, Revision{Bases: "r/b", Source: First, Dependencies: First}))
			mounts, err := Mounts(dir)
			require.NoError(t, err)
			var found []string
			for _, m := range mounts {
				found = append(found, m.Target)
			}
			assert.Equal(t, targets, found)

			before := runs(t, dir)
			require.NoError(t, RemoveMounts(dir))
			left, err := Mounts(dir)
			require.NoError(t, err)
			assert.Empty(t, left)
			after := runs(t, dir)
			require.Len(t, after, len(before))
			for i := range before {
				assert.Equal(t, before[i].CmdLine, after[i].CmdLine, "the commands stay as they are")
			}
		})
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM a\nRUN --mount=type=cache,id=b true\n"), 0o600))
	_, err := Mounts(dir)
	assert.ErrorContains(t, err, "has no target")
}

// runs returns the RUN instructions of an application's Dockerfile.
func runs(t *testing.T, dir string) (all []*instructions.RunCommand) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	require.NoError(t, err)
	for _, stage := range parse(t, string(content)) {
		for _, command := range stage.Commands {
			if run, ok := command.(*instructions.RunCommand); ok {
				require.NoError(t, run.Expand(func(word string) (string, error) { return word, nil }))
				all = append(all, run)
			}
		}
	}
	return all
}
