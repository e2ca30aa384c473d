package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

// slow is a Dockerfile whose step starts a background process, prints a line and then waits.
const slow = "FROM " + base + "\nRUN setsid sleep 300 & echo waiting now; sleep 300\n"

func TestSignals(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT} {
		t.Run("a build that is stopped by "+signal.String()+" ends with the status of the signal and cleans up", func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.write("Dockerfile", slow)
			running := w.start("build", "--push", "--tag", w.image(), ".")
			running.waitFor("waiting now")
			require.NoError(t, running.cmd.Process.Signal(signal))
			assert.Equal(t, 128+int(signal), running.wait())
			w.nothingLeft()
		})
	}
}

// unread runs the helper and closes its output after the first line, as in `layercache build … 2>&1 | head
// -1`.
func (w *machine) unread(args ...string) outcome {
	w.t.Helper()
	cmd := w.command(w.t.Context(), args...)
	reader, writer, err := os.Pipe()
	require.NoError(w.t, err)
	cmd.Stdout, cmd.Stderr = writer, writer
	require.NoError(w.t, cmd.Start())
	require.NoError(w.t, writer.Close())
	line, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(w.t, err)
	assert.Contains(w.t, line, "builder ready")
	require.NoError(w.t, reader.Close())
	_ = cmd.Wait()
	got := outcome{log: line, exitCode: cmd.ProcessState.ExitCode()}
	got.Report, _ = report.Read(filepath.Join(w.env["LAYERCACHE_REPORT_DIR"], report.File))
	w.nothingLeft()
	return got
}

func TestABuildWhoseOutputIsClosed(t *testing.T) {
	t.Parallel()
	t.Run("continues", func(t *testing.T) {
		t.Parallel()
		w := newMachine(t)
		got := w.succeeds(w.unread("build", "--push", "--tag", w.image(), "."))
		assert.Equal(t, everyStep, got.ran())
		w.pulled(w.image())
	})
	t.Run("fails if the image is written to the closed output, and cleans up", func(t *testing.T) {
		t.Parallel()
		w := newMachine(t)
		got := w.unread("build", "--output=type=tar,dest=-", ".")
		assert.NotZero(t, got.exitCode)
		assert.NotNil(t, got.Report)
	})
}

func TestHelperThatIsKilled(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("Dockerfile", slow)
	running := w.start("build", "--push", "--tag", w.image(), ".")
	running.waitFor("waiting now")
	require.NotEmpty(t, w.processes(), "the running processes must be found")
	require.Len(t, w.builderFolders(), 1, "the builder's folder must be found")
	require.NoError(t, running.cmd.Process.Kill())
	running.wait()
	assert.Eventually(t, func() bool { return len(w.processes()) == 0 }, 30*time.Second, 100*time.Millisecond,
		"buildkitd must not outlive a killed helper")

	w.write("Dockerfile", dockerfile)
	next := w.runAlongside("build", "--push", "--tag", w.image(), ".")
	assert.Zero(t, next.exitCode, next.log)
	// The next builder removes the folders of the killed one.
	w.noBuilderLeft()
}

// process is a helper that runs in the background.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	lock sync.Mutex
	log  bytes.Buffer
}

func (w *machine) start(args ...string) *process { return w.startReading(nil, args...) }

// startReading runs the helper in the background with a standard input.
func (w *machine) startReading(stdin *os.File, args ...string) *process {
	w.t.Helper()
	p := &process{t: w.t, cmd: w.command(w.t.Context(), args...)}
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p, p, 30*time.Second
	require.NoError(w.t, p.cmd.Start())
	return p
}

func (p *process) Write(content []byte) (int, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.log.Write(content)
}

func (p *process) text() string {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.log.String()
}

func (p *process) waitFor(text string) {
	p.t.Helper()
	// The first match is the text of the instruction, the second one its output.
	require.Eventually(p.t, func() bool { return strings.Count(p.text(), text) >= 2 }, time.Minute, 50*time.Millisecond, "%s was not printed", text)
}

// wait returns the exit status.
func (p *process) wait() int {
	p.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(p.t, err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// runAlongside runs the helper without checking for leftovers, for tests where other helpers run at the same
// time.
func (w *machine) runAlongside(args ...string) outcome {
	w.t.Helper()
	p := w.start(args...)
	code := p.wait()
	return outcome{exitCode: code, log: p.text()}
}
