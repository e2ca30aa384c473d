//go:build !unit

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

	"github.com/layercache/layercache/internal/bundle/packed"
)

// isReady sends systemd's notification, as buildkitd does.
const isReady = "trap 'exit 0' TERM\n" + `python3 -c 'import os,socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])'` + "\n"

// serves runs until it is stopped. The first process of a PID namespace gets only signals that it handles.
const serves = "trap 'exit 0' TERM\nsleep 60 &\nwait\n"

// newNative prepares a machine that can run the native builder, with a script as its buildkitd.
func newNative(t *testing.T, buildkitd string) (fakes, Options) {
	t.Helper()
	needRoot(t)
	f := newFakes(t)
	f.program("runc", "")
	f.program("buildkitd", buildkitd)
	parentsAre(t, shortTemp(t))
	return f, f.options("native", "")
}

// running returns the processes of the builders: their environment has the state folder.
func (f fakes) running() []int {
	f.t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(f.t, err)
	var pids []int
	for _, path := range environments {
		environment, _ := os.ReadFile(path) // an ended process has no environment
		if !strings.Contains(string(environment), stateParents[0]+"/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(f.t, err)
		pids = append(pids, pid)
	}
	return pids
}

// pid returns the process ID of buildkitd, the first process of its PID namespace.
func (f fakes) pid() int {
	f.t.Helper()
	for _, pid := range f.running() {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		require.NoError(f.t, err)
		if strings.Contains(string(status), "\nNSpid:\t"+strconv.Itoa(pid)+"\t1\n") {
			return pid
		}
	}
	require.Fail(f.t, "buildkitd is not running")
	return 0
}

func (f fakes) requireNothingLeft() {
	f.t.Helper()
	assert.Empty(f.t, f.running(), "buildkitd and its processes have ended")
	assert.Eventually(f.t, func() bool { return len(leftIn(f.t, stateParents[0])) == 1 }, eventually, tick, "its state is removed, except for the lock")
}

func TestTheNativeBuilderIsReadyWhenBuildkitdNotifies(t *testing.T) {
	f, options := newNative(t, isReady+serves)
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Equal(t, "native", b.Kind)
	assert.True(t, b.ExportsCache)
	assert.Less(t, b.Ready, eventually)
	assert.NotZero(t, f.pid(), "buildkitd is running")

	dir := filepath.Join(stateParents[0], strings.TrimPrefix(b.Name, "layercache-"))
	assert.Contains(t, f.calls(), "buildx create --name "+b.Name+" --driver remote unix://"+dir+"/buildkitd.sock")
	assert.Contains(t, strings.Join(f.calls(), "\n"), "--addr unix://"+dir+"/buildkitd.sock")
	assert.Contains(t, strings.Join(f.calls(), "\n"), "--root "+dir+"/root")
	assert.Contains(t, strings.Join(f.calls(), "\n"), "--oci-worker-binary "+dir+"/bin/buildkit-runc")
	assert.NotContains(t, b.Reason, "second time")

	require.NoError(t, b.Close())
	f.requireNothingLeft()
	require.NoError(t, b.Wait())
	require.NoError(t, b.Close(), "the second Close does nothing")
	require.NoError(t, b.Wait(), "the second Wait does nothing")
}

func TestBuildkitdGetsOnlyTheVariablesThatItNeeds(t *testing.T) {
	given := map[string]string{
		"HTTPS_PROXY": "http://proxy.example:3128", "no_proxy": "localhost", "SSL_CERT_FILE": "/etc/ca.pem", "BUILDKIT_STEP_LOG_MAX_SIZE": "1",
		"AWS_ACCESS_KEY_ID": "key", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/secret", "AWS_CONFIG_FILE": "/etc/aws",
		"NPM_TOKEN": "secret", "LAYERCACHE_SECRETS": "{}", "DOCKER_CONFIG": "/docker", "HTTPS_PROXYS": "x", "LD_PRELOAD": "", "GODEBUG": "x", "HOME": "/root",
	}
	needed := []string{"BUILDKIT_STEP_LOG_MAX_SIZE=1", "CONTAINERD_DISABLE_PIGZ=true", "HOME=STATE/home", "HTTPS_PROXY=http://proxy.example:3128", "NOTIFY_SOCKET=STATE/notify.sock", "VOLATILE_OVERLAYS=1",
		"PATH=PATH", "SSL_CERT_FILE=/etc/ca.pem", "TMPDIR=STATE/tmp", "no_proxy=localhost"}
	cases := []struct {
		name string
		s3   bool
		more []string
	}{
		{"a build with its cache in a registry", false, []string{"AWS_EC2_METADATA_DISABLED=true"}},
		{"a build with its cache in S3", true, []string{"AWS_ACCESS_KEY_ID=key", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/secret",
			"AWS_CONFIG_FILE=/etc/aws", "AWS_SHARED_CREDENTIALS_FILE=/root/.aws/credentials"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, options := newNative(t, isReady+serves)
			for _, variable := range os.Environ() {
				if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") || slices.Contains(daemonVariables, name) {
					t.Setenv(name, "")
					require.NoError(t, os.Unsetenv(name))
				}
			}
			for name, value := range given {
				t.Setenv(name, value)
			}
			options.S3 = c.s3
			b, err := Start(t.Context(), options)
			require.NoError(t, err)
			defer b.Close()
			process := filepath.Join("/proc", strconv.Itoa(f.pid()))
			environment, err := os.ReadFile(filepath.Join(process, "environ"))
			require.NoError(t, err)
			state := filepath.Join(stateParents[0], strings.TrimPrefix(b.Name, "layercache-"))
			got := strings.NewReplacer(state, "STATE", os.Getenv("PATH"), "PATH").Replace(string(environment))
			assert.ElementsMatch(t, append(slices.Clone(needed), c.more...), strings.Split(strings.TrimSuffix(got, "\x00"), "\x00"))
			folder, err := os.Readlink(filepath.Join(process, "cwd"))
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(state, "home"), folder, "not the source folder")
		})
	}
}

func TestTheReasonNamesASlowSnapshotter(t *testing.T) {
	_, options := newNative(t, isReady+serves)
	parentsAre(t, overlayAt(t))
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Contains(t, b.Reason, `LAYERCACHE_BUILDER=native; slow, because snapshotter "native" copies all files: overlay mounts do not work below `)
	require.NoError(t, b.Close())
}

// onceOnly returns a script that runs first in the first buildkitd and further in every later one.
func (f fakes) onceOnly(first, further string) string {
	marker := filepath.Join(f.dir, "came")
	return "if mkdir '" + marker + "' 2>/dev/null; then\n" + first + "\nfi\n" + further
}

func TestABuildkitdThatIsKilledWhileItStartsIsStartedASecondTime(t *testing.T) {
	f, options := newNative(t, "")
	f.program("buildkitd", f.onceOnly("echo 'level=info msg=starting' >&2\n: >'"+filepath.Join(f.dir, "killable")+"'\nsleep 60", isReady+serves))
	go func() {
		assert.Eventually(t, func() bool { return !gone(filepath.Join(f.dir, "killable")) }, eventually, tick)
		assert.NoError(t, unix.Kill(f.pid(), unix.SIGKILL))
	}()
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	assert.Equal(t, "LAYERCACHE_BUILDER=native; started a second time, because buildkitd ended before it was ready: signal: killed: level=info msg=starting", b.Reason)
	assert.Len(t, f.starts(), 2)
	assert.NotEqual(t, f.starts()[0], f.starts()[1], "with a new state folder")
	assert.Contains(t, f.starts()[1], strings.TrimPrefix(b.Name, "layercache-"))
	assert.Len(t, leftIn(t, stateParents[0]), 2, "only the state of the second buildkitd and the lock are left")
	assert.NotZero(t, f.pid(), "the second buildkitd is running")
	require.NoError(t, b.Close())
	f.requireNothingLeft()
}

// starts returns the calls of buildkitd.
func (f fakes) starts() []string {
	f.t.Helper()
	return slices.DeleteFunc(f.calls(), func(call string) bool { return !strings.HasPrefix(call, "buildkitd ") })
}

func TestAStoppedBuildStartsNoSecondBuildkitd(t *testing.T) {
	f, options := newNative(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked, stopped := filepath.Join(f.dir, "asked"), filepath.Join(f.dir, "stopped")
	// buildkitd ends by itself before the build is stopped; the call of buildx ends only afterwards.
	f.program("buildkitd", "while ! [ -e '"+asked+"' ]; do sleep 0.01; done\nexit 1")
	options.Buildx.Path = f.program("buildx", "(while ! [ -e '"+stopped+"' ]; do sleep 0.01; done) &\ntouch '"+asked+"'\nwait")
	go func() {
		assert.Eventually(t, func() bool { return len(f.starts()) == 1 && len(f.running()) == 0 }, eventually, tick)
		cancel()
		assert.NoError(t, os.WriteFile(stopped, nil, 0o600))
	}()
	_, err := Start(ctx, options)
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, f.starts(), 1)
	f.requireNothingLeft()
}

func TestTheErrorHasTheReasonOfABuildkitdThatEndsEarly(t *testing.T) {
	f, options := newNative(t, "echo noise\necho 'buildkitd: cannot find a worker' >&2\nexit 3")
	_, err := Start(context.Background(), options)
	require.ErrorContains(t, err, "native builder: buildkitd ended before it was ready: exit status 3: buildkitd: cannot find a worker")
	assert.NotContains(t, err.Error(), "noise")
	assert.Len(t, f.starts(), 2)
	f.requireNothingLeft()
}

func TestABuildkitdThatIsNeverReadyIsStopped(t *testing.T) {
	for name, buildkitd := range map[string]string{"it handles signals": serves, "it does not handle signals yet": "sleep 60 &\nwait\n"} {
		t.Run(name, func(t *testing.T) {
			f, options := newNative(t, buildkitd)
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			defer cancel()
			begin := time.Now()
			_, err := Start(ctx, options)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Less(t, time.Since(begin), stopTimeout)
			f.requireNothingLeft()
		})
	}
}

func TestABuilderThatBuildxCannotRegisterIsStopped(t *testing.T) {
	f, options := newNative(t, serves)
	options.Buildx.Path = f.program("buildx", `while ! grep -q "^buildkitd " "`+f.dir+`/calls"; do sleep 0.01; done; echo "no space left on device" >&2; exit 1`)
	_, err := Start(context.Background(), options)
	require.ErrorContains(t, err, "native builder: buildx create: no space left on device")
	f.requireNothingLeft()
}

func TestABuildkitdThatDiedDuringTheBuildCanBeClosed(t *testing.T) {
	f, options := newNative(t, isReady+serves)
	b, err := Start(context.Background(), options)
	require.NoError(t, err)
	require.NoError(t, unix.Kill(f.pid(), unix.SIGKILL))
	require.NoError(t, b.Close())
	f.requireNothingLeft()
}

func TestTemporaryFilesAreRemovedHoweverBuildkitdEnds(t *testing.T) {
	for name, end := range map[string]func(pid int){
		"it is stopped":                       func(int) {},
		"it is killed and cannot remove them": func(pid int) { require.NoError(t, unix.Kill(pid, unix.SIGKILL)) },
	} {
		t.Run(name, func(t *testing.T) {
			note := filepath.Join(t.TempDir(), "made")
			f, options := newNative(t, `mktemp -d "$TMPDIR/qemu-check.XXXXXX" >'`+note+"'\n"+isReady+serves)
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

func TestProcessesOfBuildkitdEndWithIt(t *testing.T) {
	starts := map[string]string{
		"a process of its group":           "sleep 60 >/dev/null 2>&1 &\n",
		"a process in its own session":     "setsid sleep 60 >/dev/null 2>&1 &\n",
		"a process whose parent has ended": "(setsid sleep 60 >/dev/null 2>&1 &)\n",
		"a process that ignores signals":   "setsid sh -c \"trap '' TERM INT HUP; while :; do sleep 60; done\" >/dev/null 2>&1 &\n",
	}
	ends := map[string]func(*Builder){
		"when it is stopped": func(b *Builder) { _ = b.Close() },
		"when it is killed":  (*Builder).Kill,
	}
	for what, start := range starts {
		for when, end := range ends {
			t.Run(what+" "+when, func(t *testing.T) {
				f, options := newNative(t, start+isReady+serves)
				b, err := Start(context.Background(), options)
				require.NoError(t, err)
				defer b.Close()
				require.GreaterOrEqual(t, len(f.running()), 2)
				end(b)
				assert.Eventually(t, func() bool { return len(f.running()) == 0 }, eventually, tick)
			})
		}
	}
}

func TestABuildkitdOfAnotherUserIsNotRun(t *testing.T) {
	own, err := os.Executable()
	require.NoError(t, err)
	for name, file := range map[string]string{"next to this program": "buildkitd", "next to this program, packed": "buildkitd" + packed.Suffix} {
		t.Run(name, func(t *testing.T) {
			_, options := newNative(t, isReady+serves)
			sibling := filepath.Join(filepath.Dir(own), file)
			require.NoError(t, os.WriteFile(sibling, []byte("#!/bin/sh\n"), 0o755))
			t.Cleanup(func() { assert.NoError(t, os.Remove(sibling)) })
			require.NoError(t, os.Chown(sibling, 65534, 65534))
			_, err := Start(t.Context(), options)
			assert.ErrorContains(t, err, sibling+" is not safe to run: it belongs to user 65534; remove it")
		})
	}
}

func TestTheErrorNamesWhatTheNativeBuilderNeeds(t *testing.T) {
	needRoot(t)
	f := newFakes(t)
	t.Setenv("PATH", f.dir)
	_, err := Start(context.Background(), Options{Kind: "native"})
	require.ErrorContains(t, err, "native builder: runc is not on PATH: install the runc package")
	assert.False(t, LacksOnlyBuildkitd("auto"), "runc is missing too")

	f.program("runc", "")
	_, err = Start(context.Background(), Options{Kind: "native"})
	require.ErrorContains(t, err, "native builder: buildkitd is neither next to layercache nor on PATH")
	assert.True(t, LacksOnlyBuildkitd("auto"))
	assert.True(t, LacksOnlyBuildkitd("native"))
	assert.False(t, LacksOnlyBuildkitd("docker"))

	f.program("buildkitd", "")
	assert.False(t, LacksOnlyBuildkitd("auto"), "buildkitd is installed")
}
