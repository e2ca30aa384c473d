package builder

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// isReady sends systemd's notification, as buildkitd does.
const isReady = `python3 -c 'import os,socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])'` + "\n"

// newNative is a machine on which the native builder could run, with the script for its buildkitd.
func newNative(t *testing.T, buildkitd string) (fakes, Options) {
	t.Helper()
	needRoot(t)
	f := newFakes(t)
	f.program("runc", "")
	f.program("buildkitd", "echo $$ >'"+filepath.Join(f.dir, "pid")+"'\n"+buildkitd)
	parentsAre(t, shortTemp(t))
	return f, f.options("native", "")
}

func (f fakes) pid() int {
	f.t.Helper()
	content, err := os.ReadFile(filepath.Join(f.dir, "pid"))
	require.NoError(f.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	require.NoError(f.t, err)
	return pid
}

func (f fakes) requireNothingLeft() {
	f.t.Helper()
	assert.ErrorIs(f.t, unix.Kill(f.pid(), 0), unix.ESRCH, "buildkitd has ended")
	assert.Eventually(f.t, func() bool { return len(leftIn(f.t, stateParents[0])) == 1 }, eventually, tick, "its state is gone, but for the lock")
}

func TestTheNativeBuilderIsReadyWhenBuildkitdSaysSo(t *testing.T) {
	f, options := newNative(t, isReady+"exec sleep 60")
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Equal(t, "native", b.Kind)
	assert.True(t, b.ExportsCache)
	assert.Less(t, b.Ready, eventually)
	require.NoError(t, unix.Kill(f.pid(), 0), "buildkitd runs")

	dir := filepath.Join(stateParents[0], strings.TrimPrefix(b.Name, "layercache-"))
	assert.Contains(t, f.calls(), "buildx create --name "+b.Name+" --driver remote unix://"+dir+"/buildkitd.sock")
	assert.Contains(t, strings.Join(f.calls(), "\n"), "--addr unix://"+dir+"/buildkitd.sock")
	assert.Contains(t, strings.Join(f.calls(), "\n"), "--root "+dir+"/root")
	assert.Contains(t, strings.Join(f.calls(), "\n"), "--oci-worker-binary "+dir+"/bin/buildkit-runc")
	assert.NotContains(t, b.Reason, "second time")

	require.NoError(t, b.Close())
	f.requireNothingLeft()
	require.NoError(t, b.Wait())
	require.NoError(t, b.Close(), "closing again does nothing")
	require.NoError(t, b.Wait(), "nor does waiting")
}

func TestTheReasonNamesASlowSnapshotter(t *testing.T) {
	_, options := newNative(t, isReady+"exec sleep 60")
	parentsAre(t, overlayAt(t))
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Contains(t, b.Reason, `LAYERCACHE_BUILDER=native; with the slow snapshotter "native", because overlay mounts do not work below `)
	require.NoError(t, b.Close())
}

// onceOnly has the first buildkitd do one thing and every further one another.
func (f fakes) onceOnly(first, further string) string {
	marker := filepath.Join(f.dir, "came")
	return "if mkdir '" + marker + "' 2>/dev/null; then\n" + first + "\nfi\n" + further
}

func TestABuildkitdThatIsKilledWhileItStartsIsStartedASecondTime(t *testing.T) {
	f, options := newNative(t, "")
	f.program("buildkitd", "echo $$ >'"+filepath.Join(f.dir, "pid")+"'\n"+f.onceOnly("echo 'level=info msg=starting' >&2\nkill -9 $$", isReady+"exec sleep 60"))
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Equal(t, "LAYERCACHE_BUILDER=native; started a second time, because buildkitd ended before it was ready: signal: killed: level=info msg=starting", b.Reason)
	assert.Len(t, f.starts(), 2)
	assert.NotEqual(t, f.starts()[0], f.starts()[1], "on a state of its own")
	assert.Contains(t, f.starts()[1], strings.TrimPrefix(b.Name, "layercache-"))
	assert.Len(t, leftIn(t, stateParents[0]), 2, "the first one's state is gone: there are the second one's and the lock")
	require.NoError(t, unix.Kill(f.pid(), 0), "the second buildkitd runs")
	require.NoError(t, b.Close())
	f.requireNothingLeft()
}

// starts are the calls of buildkitd.
func (f fakes) starts() []string {
	f.t.Helper()
	return slices.DeleteFunc(f.calls(), func(call string) bool { return !strings.HasPrefix(call, "buildkitd ") })
}

func TestABuildThatIsStoppedStartsNoSecondBuildkitd(t *testing.T) {
	f, options := newNative(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked, stopped := filepath.Join(f.dir, "asked"), filepath.Join(f.dir, "stopped")
	// buildkitd ends by itself and before the build is stopped. What buildx has started is only done when it has been.
	f.program("buildkitd", "while ! [ -e '"+asked+"' ]; do sleep 0.01; done\necho $$ >'"+filepath.Join(f.dir, "pid")+"'\nexit 1")
	options.Buildx.Path = f.program("buildx", "(while ! [ -e '"+stopped+"' ]; do sleep 0.01; done) &\ntouch '"+asked+"'\nwait")
	go func() {
		assert.Eventually(t, func() bool {
			content, _ := os.ReadFile(filepath.Join(f.dir, "pid"))
			pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
			return err == nil && dead(pid)
		}, eventually, tick)
		cancel()
		assert.NoError(t, os.WriteFile(stopped, nil, 0o600))
	}()
	_, err := Start(ctx, options)
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, f.starts(), 1)
	f.requireNothingLeft()
}

func TestABuildkitdThatEndsEarlySaysWhy(t *testing.T) {
	f, options := newNative(t, "echo noise\necho 'buildkitd: cannot find a worker' >&2\nexit 3")
	_, err := Start(context.Background(), options)
	require.ErrorContains(t, err, "native builder: buildkitd ended before it was ready: exit status 3: buildkitd: cannot find a worker")
	assert.NotContains(t, err.Error(), "noise")
	assert.Len(t, f.starts(), 2)
	f.requireNothingLeft()
}

func TestABuildkitdThatIsNeverReadyIsGivenUp(t *testing.T) {
	f, options := newNative(t, "exec sleep 60")
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := Start(ctx, options)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(begin), eventually)
	f.requireNothingLeft()
}

func TestABuilderThatBuildxRefusesIsStopped(t *testing.T) {
	f, options := newNative(t, "exec sleep 60")
	options.Buildx.Path = f.program("buildx", `while ! [ -s "`+f.dir+`/pid" ]; do sleep 0.01; done; echo "no space left on device" >&2; exit 1`)
	_, err := Start(context.Background(), options)
	require.ErrorContains(t, err, "native builder: buildx create: no space left on device")
	f.requireNothingLeft()
}

func TestABuildkitdThatDiesDuringTheBuildIsNoTroubleToClose(t *testing.T) {
	f, options := newNative(t, isReady+"exec sleep 60")
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	require.NoError(t, unix.Kill(f.pid(), unix.SIGKILL))
	require.NoError(t, b.Close())
	f.requireNothingLeft()
}

func TestTemporaryFilesGoWithBuildkitdHoweverItEnds(t *testing.T) {
	for name, end := range map[string]func(pid int){
		"it is stopped": func(int) {},
		"it is killed, so it does not remove them": func(pid int) { require.NoError(t, unix.Kill(pid, unix.SIGKILL)) },
	} {
		t.Run(name, func(t *testing.T) {
			note := filepath.Join(t.TempDir(), "made")
			f, options := newNative(t, `mktemp -d "$TMPDIR/qemu-check.XXXXXX" >'`+note+"'\n"+isReady+"exec sleep 60")
			b, err := Start(context.Background(), options)
			require.NoError(t, err)
			made, err := os.ReadFile(note)
			require.NoError(t, err)
			require.DirExists(t, strings.TrimSpace(string(made)))
			end(f.pid())
			require.NoError(t, b.Close())
			require.NoError(t, b.Wait())
			assert.NoDirExists(t, strings.TrimSpace(string(made)))
			assert.Empty(t, leftIn(t, os.TempDir()))
		})
	}
}

func TestWhatBuildkitdStartedGoesWithIt(t *testing.T) {
	f, options := newNative(t, "")
	child := filepath.Join(f.dir, "child")
	f.program("buildkitd", "echo $$ >'"+filepath.Join(f.dir, "pid")+"'\nsleep 60 >/dev/null 2>&1 &\necho $! >'"+child+"'\n"+isReady+"exec sleep 60")
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	content, err := os.ReadFile(child)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	assert.Eventually(t, func() bool { return dead(pid) }, eventually, tick)
}

// dead says that the process runs no more; one that nobody waits for stays in the list as a zombie.
func dead(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(status), ") Z ")
}

func TestWhatTheNativeBuilderNeedsIsNamed(t *testing.T) {
	needRoot(t)
	f := newFakes(t)
	t.Setenv("PATH", f.dir)
	_, err := Start(context.Background(), Options{Kind: "native"})
	require.ErrorContains(t, err, "native builder: runc is not on PATH: install the runc package")
	assert.False(t, WantsBuildkitd("auto"), "buildkitd alone would not do")

	f.program("runc", "")
	_, err = Start(context.Background(), Options{Kind: "native"})
	require.ErrorContains(t, err, "native builder: buildkitd is neither beside layercache nor on PATH")
	assert.True(t, WantsBuildkitd("auto"))
	assert.True(t, WantsBuildkitd("native"))
	assert.False(t, WantsBuildkitd("docker"))

	f.program("buildkitd", "")
	assert.False(t, WantsBuildkitd("auto"), "it is there")
}
