package builder

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/variables"
)

const (
	daemonRuns = `echo "overlay2 []"`
	daemonDown = `echo "Cannot connect to the Docker daemon" >&2; exit 1`
)

func TestTheContainerBuilderIsCreatedAndRemoved(t *testing.T) {
	f := newFakes(t)
	f.program("docker", daemonRuns)
	options := f.options("container", "")
	options.Mirrors = []variables.Mirror{{Upstream: "docker.io", Location: "h.example/hub"}}
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Equal(t, "container", b.Kind)
	assert.True(t, b.ExportsCache)

	calls := f.calls()
	require.Len(t, calls, 2)
	create := regexp.MustCompile(`^buildx create --name (\S+) --driver docker-container --driver-opt network=host --driver-opt image=moby/buildkit:(\S+) --buildkitd-config (\S+) --bootstrap$`).FindStringSubmatch(calls[1])
	require.NotNil(t, create, calls[1])
	assert.Equal(t, b.Name, create[1])
	assert.Equal(t, toolchain.Buildkitd().Version, create[2], "the same version as the native builder")
	assert.Contains(t, parsed(t, create[3]), "registry")

	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "the second Close does nothing")
	assert.Equal(t, "buildx rm --force "+b.Name, f.calls()[2])
	assert.Len(t, f.calls(), 3)
	assert.Empty(t, leftIn(t, os.TempDir()))
}

func TestAContainerBuilderThatFailsToStartIsRemoved(t *testing.T) {
	f := newFakes(t)
	f.program("docker", daemonRuns)
	_, err := Start(context.Background(), f.options("container", `[ "$1" = rm ] || { echo noise >&2; echo "privileged containers are not allowed" >&2; exit 1; }`))
	require.ErrorContains(t, err, "container builder: buildx create: privileged containers are not allowed")
	assert.NotContains(t, err.Error(), "noise", "only the last line has the reason")
	require.Len(t, f.calls(), 3)
	assert.Regexp(t, `^buildx rm --force layercache-`, f.calls()[2])
	assert.Empty(t, leftIn(t, os.TempDir()))
}

func TestAnInterruptedContainerBuilderIsRemoved(t *testing.T) {
	f := newFakes(t)
	f.program("docker", daemonRuns)
	ctx, cancel := context.WithCancel(context.Background())
	options := f.options("container", `[ "$1" = rm ] || exec sleep 60`)
	done := make(chan error, 1)
	go func() { _, err := Start(ctx, options); done <- err }()
	require.Eventually(t, func() bool { return len(f.calls()) == 2 }, eventually, tick)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	assert.Regexp(t, `^buildx rm --force layercache-`, f.calls()[2])
	assert.Empty(t, leftIn(t, os.TempDir()))
}

func TestTheDockerBuilderIsUsedUnchanged(t *testing.T) {
	for name, c := range map[string]struct {
		info    string
		exports bool
	}{
		"the classic image store cannot export":     {daemonRuns, false},
		"the containerd image store can export":     {`echo "overlayfs [[driver-type io.containerd.snapshotter.v1]]"`, true},
		"warnings on standard error are no problem": {`echo "WARNING: No swap limit support" >&2; echo "overlay2 []"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakes(t)
			f.program("docker", c.info)
			b, err := Start(context.Background(), f.options("docker", ""))
			require.NoError(t, err)
			assert.Equal(t, "docker", b.Kind)
			assert.Equal(t, c.exports, b.ExportsCache)
			assert.Equal(t, "LAYERCACHE_BUILDER=docker", b.Reason)
			require.NoError(t, b.Close())
			assert.Equal(t, []string{"docker info --format {{.Driver}} {{.DriverStatus}}"}, f.calls(), "no builder is created")
		})
	}
}

func TestTheErrorNamesMissingDocker(t *testing.T) {
	f := newFakes(t)
	t.Setenv("PATH", f.dir)
	for _, kind := range []string{"container", "docker"} {
		_, err := Start(context.Background(), Options{Kind: kind})
		require.EqualError(t, err, "no builder can run here:\n"+kind+" builder: docker is not on PATH: install Docker")
	}
	f.program("docker", daemonDown)
	for _, kind := range []string{"container", "docker"} {
		_, err := Start(context.Background(), Options{Kind: kind})
		require.ErrorContains(t, err, kind+" builder: docker info: Cannot connect to the Docker daemon")
	}
}

func TestAutoFallsBackInOrderAndExplainsWhy(t *testing.T) {
	f := newFakes(t)
	t.Setenv("PATH", f.dir) // without runc: no native builder
	f.program("docker", daemonRuns)
	b, err := Start(context.Background(), f.options("auto", `echo "no such $1" >&2; exit 1`))
	require.NoError(t, err)
	assert.Equal(t, "docker", b.Kind)
	native, container := strings.Index(b.Reason, "cannot use the native builder: "), strings.Index(b.Reason, "cannot use the container builder: buildx create: no such create")
	assert.GreaterOrEqual(t, native, 0, b.Reason)
	assert.Greater(t, container, native, b.Reason)

	var line bytes.Buffer
	b.Describe(&line)
	assert.Regexp(t, `\Alayercache: docker builder ready in \d+\.\d\d s \(cannot use the native builder: .*\)\n\z`, line.String(), "one line")
}

func TestWithoutAnyBuilderTheErrorHasEveryReason(t *testing.T) {
	f := newFakes(t)
	t.Setenv("PATH", f.dir)
	_, err := Start(context.Background(), Options{Kind: "auto"})
	var noBuilder *NoBuilderError
	require.ErrorAs(t, err, &noBuilder)
	assert.Len(t, noBuilder.Reasons, 3)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 4)
	for i, start := range []string{"no builder can run here:", "native builder: ", "container builder: ", "docker builder: "} {
		assert.True(t, strings.HasPrefix(lines[i], start), lines[i])
	}
}

func TestAnExplicitKindHasNoFallback(t *testing.T) {
	f := newFakes(t)
	f.program("docker", daemonRuns)
	_, err := Start(context.Background(), f.options("container", "exit 1"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "docker builder")
}

func leftIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
