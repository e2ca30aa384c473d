package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACacheWithOtherLayersIsWrittenAgain(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, compression, before, after, verdict, exported string
		// layers is the least number of layers of the cache afterwards. BuildKit writes what it has read again.
		layers int
	}{
		{"more layers, which only steps that run can give", "auto", "final", "all", "cold", "yes", 7},
		{"fewer layers", "auto", "all", "final", "used", "unchanged", 2},
		{"fewer layers, and those of stages have zstd", "zstd", "all", "final", "used", "unchanged", 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.env["LAYERCACHE_LAYERS"], w.env["LAYERCACHE_COMPRESSION"] = c.before, c.compression
			w.succeeds(w.build())
			assert.Equal(t, "unchanged", w.succeeds(w.build()).Exported, "nothing new")
			w.env["LAYERCACHE_LAYERS"] = c.after
			again := w.succeeds(w.build())
			assert.Equal(t, c.verdict, again.Verdict)
			assert.Equal(t, c.exported, again.Exported, again.log)
			assert.GreaterOrEqual(t, len(w.layers(w.registry.Addr()+"/cache:shop--linux-amd64--main")), c.layers)
			once := w.succeeds(w.build())
			assert.Equal(t, "used", once.Verdict)
			assert.Equal(t, "unchanged", once.Exported, "nothing new once more")
		})
	}
}

func TestWhyNoCacheWasUsed(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.succeeds(w.build())
	cases := []struct{ name, argument, verdict, reason string }{
		{"nothing was built", "--check", "off", "nothing was built, because --check or --call only looks at the Dockerfile"},
		{"the cache was not wanted", "--no-cache", "cold", "the existing cache was ignored, because of --no-cache"},
		{"the cache was not wanted for a stage", "--no-cache-filter=build", "partly-used", "starting with COPY deps.txt . because --no-cache-filter names its stage"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			got := w.succeeds(w.build(c.argument))
			assert.Equal(t, c.verdict, got.Verdict)
			assert.Contains(t, got.VerdictReason, c.reason)
			assert.NotContains(t, got.log, "LAYERCACHE_REPOSITORY is not set")
		})
	}
}

func TestADockerfileInSmallLetters(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	require.NoError(t, os.Rename(filepath.Join(w.app, "Dockerfile"), filepath.Join(w.app, "dockerfile")))
	w.succeeds(w.build())
	again := w.succeeds(w.build())
	assert.Equal(t, "unchanged", again.Exported)
	assert.NotContains(t, again.log, "exporting cache", "the inputs of the build are known, so nothing is exported")
	assert.Contains(t, w.run("lint", "--fail-on=info", w.app).log, "dockerfile:1: ")
	delete(w.env, "LAYERCACHE_REPOSITORY")
	tried := w.run("try", w.app)
	require.Zero(t, tried.exitCode, tried.log)
	assert.Regexp(t, `(?m)^changed source +[\d.]+ .* 3/6 +partly-used$`, tried.log)
}

// A program that waits for input must not wait any longer after Ctrl-C.
func TestCtrlCWhileInputIsAwaited(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		args func(pipe string) []string
	}{
		{"lint of the standard input", func(string) []string { return []string{"lint", "-"} }},
		{"lint of a named pipe", func(pipe string) []string { return []string{"lint", pipe} }},
		{"a report that is a named pipe", func(pipe string) []string { return []string{"report", pipe} }},
		{"a build whose context is the standard input", func(string) []string { return []string{"build", "--output=type=cacheonly", "-"} }},
		{"a build whose Dockerfile is the standard input", func(string) []string { return []string{"build", "--output=type=cacheonly", "-f", "-", "."} }},
		{"a check of a Dockerfile on the standard input", func(string) []string { return []string{"build", "--check", "-"} }},
		{"a bake file on the standard input", func(string) []string { return []string{"bake", "-f", "-"} }},
		{"a bake file that is a named pipe", func(pipe string) []string { return []string{"bake", "-f", pipe} }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			pipe := filepath.Join(t.TempDir(), "pipe") // Pipes of the source are not read.
			require.NoError(t, syscall.Mkfifo(pipe, 0o600))
			silent, keepOpen, err := os.Pipe()
			require.NoError(t, err)
			defer silent.Close()
			defer keepOpen.Close()
			args := c.args(pipe)
			running := w.startReading(silent, args...)
			if args[0] == "build" {
				require.Eventually(t, func() bool { return strings.Contains(running.text(), "builder ready") }, time.Minute, 20*time.Millisecond)
			}
			time.Sleep(time.Second) // until it waits for the input
			begin := time.Now()
			require.NoError(t, running.cmd.Process.Signal(syscall.SIGINT))
			assert.Equal(t, 130, running.wait(), running.text())
			// buildx would be killed after 20 s.
			assert.Less(t, time.Since(begin), 15*time.Second)
			w.nothingLeft()
		})
	}
}

// A Dockerfile that is a named pipe could be read only once, but the helper and buildx read it.
func TestADockerfileThatIsANamedPipeIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"build", "--output=type=cacheonly", "-f", "pipe", "."}, {"try", ".", "-f", "pipe"}, {"lint", "--fix", "pipe"}} {
		t.Run(command[0], func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			require.NoError(t, syscall.Mkfifo(filepath.Join(w.app, "pipe"), 0o600))
			if command[0] == "lint" {
				go func() { _ = os.WriteFile(filepath.Join(w.app, "pipe"), []byte("FROM scratch\n"), 0o600) }()
			}
			got := w.run(command...)
			assert.Equal(t, 1, got.exitCode)
			assert.Contains(t, got.log, "regular file")
		})
	}
}

// A build that is refused must not leave the report of an earlier one.
func TestARefusedBuildLeavesNoReport(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	for _, arguments := range [][]string{{"--progress=bogus"}, {"-q", "--progress=plain"}, {"--tag", w.registry.Addr() + "/cache:shop--linux-amd64--main"}} {
		w.succeeds(w.build())
		running := w.start(append([]string{"build", "--push", "--tag", w.image(), "."}, arguments...)...)
		assert.Equal(t, 1, running.wait(), running.text())
		left, err := os.ReadDir(w.env["LAYERCACHE_REPORT_DIR"])
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}
