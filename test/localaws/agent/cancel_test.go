package agent_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/localaws/agent"
)

func TestACancelledBuildStopsItsProcesses(t *testing.T) {
	pids := t.TempDir()
	build := newBuild(t, `
version: 0.2
phases:
  build:
    commands:
      - sleep 300 & echo $! >"$PIDS/background"
      - sh -c 'trap "sleep 0.2; echo cleaned up; exit" TERM; echo $$ >"$PIDS/started"; sleep 300 & wait'
    finally: ['touch "$PIDS/finally"']
  post_build: {commands: ['touch "$PIDS/post"']}
`)
	var log bytes.Buffer
	build.Output = &log
	build.Env = append(build.Env, "PIDS="+pids)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(pids, "started")); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	result, err := build.Run(ctx)

	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, agent.Stopped, result.Status)
	assert.Regexp(t, `(?s)\ncleaned up\n.*Phase complete: BUILD State: STOPPED`, log.String(), "the running command must get SIGTERM and time to clean up")
	assert.NoFileExists(t, filepath.Join(pids, "finally"))
	assert.NoFileExists(t, filepath.Join(pids, "post"))
	assertStopped(t, filepath.Join(pids, "background"))
}

func TestFinishedBuildLeavesNoProcess(t *testing.T) {
	result, log := run(t, `
version: 0.2
phases: {build: {commands: ['sleep 300 & echo $! >pid']}}
`)
	assert.Equal(t, agent.Succeeded, result.Status, log)
	assertStopped(t, filepath.Join(result.SourceDir, "pid"))
}

func assertStopped(t *testing.T, pidFile string) {
	t.Helper()
	text, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	assert.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, 2*time.Second, 10*time.Millisecond)
}
