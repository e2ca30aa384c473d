package run

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
)

func TestSourceLabels(t *testing.T) {
	const commit = "0123456789012345678901234567890123456789"
	checkout := t.TempDir()
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", checkout, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet")
	git("commit", "--quiet", "--allow-empty", "--message", "first")
	git("remote", "add", "origin", "git@example.com:acme/shop.git")
	checkedOut := git("rev-parse", "HEAD")
	require.NoError(t, os.Mkdir(filepath.Join(checkout, "app"), 0o755))

	cases := []struct {
		name, dir string
		variables map[string]string
		arguments []string
		want      []string
		warned    bool
	}{
		{"no labels are requested", checkout, nil, []string{"."}, nil, false},
		{"labels are turned off", checkout, map[string]string{"BUILDX_GIT_LABELS": "false"}, []string{"."}, nil, false},
		{"from the checkout", checkout, map[string]string{"BUILDX_GIT_LABELS": "true"}, []string{"."}, []string{
			"org.opencontainers.image.revision=" + checkedOut, "org.opencontainers.image.source=git@example.com:acme/shop.git",
			"com.docker.image.source.entrypoint=Dockerfile",
		}, false},
		{"from a folder below it, with a Dockerfile of another name", filepath.Join(checkout, "app"), map[string]string{"BUILDX_GIT_LABELS": "full"},
			[]string{"-f", "../docker/app.Dockerfile", "."}, []string{
				"org.opencontainers.image.revision=" + checkedOut, "org.opencontainers.image.source=git@example.com:acme/shop.git",
				"com.docker.image.source.entrypoint=docker/app.Dockerfile",
			}, false},
		{"from CodeBuild's variables, without credentials", t.TempDir(), map[string]string{
			"BUILDX_GIT_LABELS": "1", "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
			"CODEBUILD_SOURCE_REPO_URL": "https://user:token@example.com/acme/shop.git", "CODEBUILD_SRC_DIR": "/elsewhere",
		}, []string{"."}, []string{"org.opencontainers.image.revision=" + commit, "org.opencontainers.image.source=https://example.com/acme/shop.git"}, false},
		{"a source in S3 has no labels", t.TempDir(), map[string]string{
			"BUILDX_GIT_LABELS": "1", "CODEBUILD_RESOLVED_SOURCE_VERSION": "version", "CODEBUILD_SOURCE_REPO_URL": "s3://bucket/key",
		}, []string{"."}, nil, false},
		{"BUILDX_GIT_INFO is ignored with a warning", checkout, map[string]string{"BUILDX_GIT_INFO": "true"}, []string{"."}, nil, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &warnings{}
			lookup := func(variable string) (string, bool) {
				value, found := c.variables[variable]
				return value, found
			}
			assert.Equal(t, c.want, sourceLabels(t.Context(), Request{Dir: c.dir, LookupEnv: lookup}, buildx.ParseArgs(c.arguments), w))
			assert.Equal(t, c.warned, len(w.all()) > 0)
		})
	}
}
