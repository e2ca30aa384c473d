package e2e

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// onCodeBuild returns a machine with the buildx of AWS's images.
func onCodeBuild(t *testing.T) *machine {
	t.Helper()
	w := newMachine(t)
	require.NoError(t, programs.UseCodeBuildBuildx(filepath.Join(w.tmp, ".docker")))
	return w
}

func TestWithTheBuildxOfCodeBuild(t *testing.T) {
	t.Parallel()
	t.Run("builds are cold, unchanged, changed and failed", func(t *testing.T) {
		t.Parallel()
		w := onCodeBuild(t)
		cold := w.succeeds(w.build())
		assert.Equal(t, "cold", cold.Verdict)
		assert.ElementsMatch(t, everyStep, cold.ran())
		unchanged := w.succeeds(w.build())
		assert.Equal(t, "used", unchanged.Verdict)
		assert.Equal(t, "unchanged", unchanged.Exported)
		w.write("src/main.txt", "hello, world\n")
		changed := w.succeeds(w.build())
		assert.Equal(t, "partly-used", changed.Verdict)
		assert.ElementsMatch(t, []string{sources, compile, last}, changed.ran())
		assert.Equal(t, "hello, world\n", fileOf(t, w.pulled(w.image()), "program"))
		w.write("Dockerfile", "FROM "+base+"\nRUN echo this one fails; exit 9\n")
		failed := w.build()
		assert.Equal(t, 1, failed.exitCode)
		assert.Contains(t, failed.log, "exit code: 9")
	})
	t.Run("the image command passes secrets and attests", func(t *testing.T) {
		t.Parallel()
		w := onCodeBuild(t)
		w.write("Dockerfile", "FROM "+base+"\nRUN --mount=type=secret,id=npmrc cat /run/secrets/npmrc > /secret\n")
		w.env["LAYERCACHE_IMAGE"], w.env["LAYERCACHE_TAGS"] = w.registry.Addr()+"/shop", "1"
		w.env["LAYERCACHE_SECRETS"], w.env["NPM_TOKEN"], w.env["LAYERCACHE_PROVENANCE"] = `{"npmrc":"NPM_TOKEN"}`, "s3cret-canary", "mode=min"
		got := w.succeeds(w.run("image"))
		assert.NotContains(t, got.log, "s3cret-canary")
		assert.Equal(t, "s3cret-canary", fileOf(t, w.pulled(w.image()), "secret"))
	})
	t.Run("a signal ends the build", func(t *testing.T) {
		t.Parallel()
		w := onCodeBuild(t)
		w.write("Dockerfile", slow)
		running := w.start("build", "--push", "--tag", w.image(), ".")
		running.waitFor("waiting now")
		require.NoError(t, running.cmd.Process.Signal(syscall.SIGTERM))
		assert.Equal(t, 143, running.wait())
		w.nothingLeft()
	})
	t.Run("it is the one that runs: it does not know --resource", func(t *testing.T) {
		t.Parallel()
		got := onCodeBuild(t).build("--resource=memory=64m")
		assert.Equal(t, 1, got.exitCode)
		assert.Contains(t, got.log, "unknown flag: --resource")
	})
}
