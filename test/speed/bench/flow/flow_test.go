package flow

import (
	"archive/zip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlowsHaveUniqueNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All() {
		assert.False(t, seen[f.Key], f.Key)
		seen[f.Key] = true
		found, err := Named(f.Key)
		require.NoError(t, err)
		assert.Equal(t, f.Name, found.Name)
		assert.NotEmpty(t, f.Note)
	}
	_, err := Named("kaniko")
	assert.ErrorContains(t, err, `unknown flow "kaniko"`)
}

func TestTheZipIsUnpackedWithItsFileModes(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "helper.zip")
	file, err := os.Create(archive)
	require.NoError(t, err)
	writer := zip.NewWriter(file)
	header := &zip.FileHeader{Name: "layercache"}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	require.NoError(t, err)
	_, err = entry.Write([]byte("program"))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, file.Close())

	dir := filepath.Join(t.TempDir(), "tools")
	require.NoError(t, unpack(archive, dir))
	info, err := os.Stat(filepath.Join(dir, "layercache"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
	assert.Equal(t, int64(7), info.Size())
}

func TestTheEndOfALongOutputIsKept(t *testing.T) {
	last := &tail{}
	for i := range 10_000 {
		fmt.Fprintf(last, "line %d\n", i)
	}
	assert.LessOrEqual(t, last.Len(), 4<<10)
	assert.True(t, strings.HasSuffix(last.String(), "line 9999\n"))
}

func TestPeakMemoryOfAProcess(t *testing.T) {
	before := highWater(os.Getpid())
	assert.Positive(t, before)
	held := make([]byte, 64<<20)
	for i := range held {
		held[i] = 1
	}
	assert.Greater(t, highWater(os.Getpid()), before+32<<20)
	assert.NotEmpty(t, held)
	ended := make(chan struct{})
	close(ended)
	assert.GreaterOrEqual(t, peakOf(os.Getpid(), ended), before)
}

func TestADaemonThatEndedFailsTheBuild(t *testing.T) {
	start := func(script string) *daemon {
		d := &daemon{cmd: exec.Command("sh", "-c", script), exited: make(chan struct{})}
		d.cmd.Stdout = &d.log
		require.NoError(t, d.run())
		return d
	}
	living, ended := start("exec sleep 600"), start("echo last words")
	defer func() { _ = living.cmd.Process.Kill() }()
	<-ended.exited
	assert.NoError(t, (&run{daemons: []*daemon{living}}).endedDaemons())
	assert.ErrorContains(t, (&run{daemons: []*daemon{living, ended}}).endedDaemons(), "sh ended during the build: last words")
}
