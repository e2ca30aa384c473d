package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	assert.Regexp(t, `(?m)^changed +[\d.]+ .* 3/6 +partly-used$`, got.log)
	assert.Regexp(t, `(?m)^no cache +[\d.]+ .* 0/6 +off$`, got.log)
	assert.Contains(t, got.log, "changed file: src/main.txt")
	assert.Equal(t, before, snapshot(t, w.app), "the user's folder must not change")
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
