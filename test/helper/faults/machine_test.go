//go:build linux

package faults

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

// machine is the table of faults of the build machine.
const machine = "this machine"

// trial is a fault of the machine.
type trial struct {
	name string
	run  func(c *cell) outcome
	// fails reports whether the build must fail.
	fails bool
}

var trials = []trial{
	{"buildkitd is killed while it starts", func(c *cell) outcome {
		o := c.killed(func(*running) bool { return true })
		assert.Contains(c.t, o.log, "; started a second time, because buildkitd ended before it was ready: signal: killed")
		return o
	}, false},
	{"buildkitd is killed in a step", func(c *cell) outcome {
		c.write("Dockerfile", []byte(strings.Replace(dockerfile, "RUN cat installed", "RUN echo it runs; sleep 2; cat installed", 1)))
		return c.killed(func(r *running) bool { return strings.Count(r.text(), "it runs") > 1 })
	}, false},
	{"buildkitd is killed after the cache was written", (*cell).killedAfter, false},
	{"no space for the builder's start", func(c *cell) outcome { return c.confined("64k") }, true},
	{"no space left for the base image", func(c *cell) outcome { return c.confined("1500k") }, true},
	{"no space left in a step", func(c *cell) outcome {
		c.write("Dockerfile", []byte(strings.Replace(dockerfile, "RUN cat installed", "RUN dd if=/dev/zero of=/large bs=1024k count=64 && cat installed", 1)))
		return c.confined("32m")
	}, true},
	{"no space left for the reports", func(c *cell) outcome {
		c.mounts = append(c.mounts, "mount -t tmpfs -o size=4k none "+filepath.Join(c.tmp, "report"))
		return c.build()
	}, false},
	{"no space left for temporary files", func(c *cell) outcome {
		c.mounts = append(c.mounts, "mount -t tmpfs -o size=4k none "+c.tempDir()+" && { cat /dev/zero > "+c.tempDir()+"/filler || true; } 2> /dev/null")
		return c.build()
	}, true},
	{"a read-only file system for the builder's state", func(c *cell) outcome {
		c.mounts = append(c.mounts, "mount -o remount,ro,bind /var/lib/layercache")
		return c.build()
	}, false},
	{"a read-only file system for reports", func(c *cell) outcome {
		c.env["LAYERCACHE_REPORT_DIR"] = "/proc/report"
		return c.build()
	}, false},
	{"a step is killed for lack of memory", func(c *cell) outcome {
		c.write("Dockerfile", []byte(strings.Replace(dockerfile, "RUN cat installed", "RUN echo it runs; sh -c 'kill -9 $$' && cat installed", 1)))
		o := c.build()
		assert.Equal(c.t, 1, strings.Count(o.log, " it runs\n"), "a step that fails does not run twice\n%s", o.log)
		assert.Contains(c.t, o.log, "exit code: 137")
		return o
	}, true},
	{"out of memory: a step fills it with files", func(c *cell) outcome {
		o := c.withMemory(700<<20, "RUN --mount=type=tmpfs,target=/full echo it runs; dd if=/dev/zero of=/full/file bs=1024k count=2000 && cat installed")
		assert.Contains(c.t, o.log, "exit code: 137", "the step was killed")
		return o
	}, true},
	{"a builder's folder left by a crash", func(c *cell) outcome {
		left := filepath.Join(c.state, "builder-1", "root")
		require.NoError(c.t, os.MkdirAll(left, 0o700))
		require.NoError(c.t, os.WriteFile(filepath.Join(left, "state"), []byte("half"), 0o600))
		return c.build()
	}, false},
	{"no runc", func(c *cell) outcome { return c.without("runc") }, true},
	{"a runc that is too old", func(c *cell) outcome {
		return c.with("runc", "echo 'flag provided but not defined: -keep' >&2; exit 1")
	}, true},
	{"a buildx that is too old", func(c *cell) outcome {
		return c.plugin("echo 'ERROR: invalid progress mode rawjson' >&2; exit 1")
	}, true},
	{"no docker", func(c *cell) outcome { return c.without("docker") }, false},
	{"not root", func(c *cell) outcome { return c.asUser() }, true},
	{"root without the right to mount", func(c *cell) outcome {
		c.starter = []string{"setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"}
		return c.build()
	}, true},
}

// undergo runs the cell of a trial.
func (w *baseline) undergo(t *testing.T, trial trial) row {
	c := w.cell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plant(t, c.name)
	require.NoError(t, os.MkdirAll(filepath.Join(c.tmp, "report"), 0o755))
	o := trial.run(c)
	r := row{table: machine, fault: trial.name, image: "pushed", causes: o.causes(), cache: c.cacheAfter()}
	if o.Report != nil {
		r.verdict = o.Verdict
	}
	image := w.imageOf(t, c.name)
	if trial.fails {
		assert.Contains(t, []int{1, 102}, o.exitCode, "buildx's status; 102 means that a resource is exhausted\n%s", o.log)
		assert.Empty(t, image, "a partly pushed image must have no tag")
		r.image = fmt.Sprintf("not pushed, exit status %d: %s", o.exitCode, o.failure())
	} else {
		assert.Zero(t, o.exitCode, o.log)
		assert.Equal(t, w.program, image, o.log)
	}
	c.nothingLeft()
	return r
}

// killed runs a build and kills buildkitd when isTime returns true.
func (c *cell) killed(isTime func(*running) bool) outcome {
	c.t.Helper()
	running := c.start()
	require.Eventually(c.t, func() bool {
		if !isTime(running) {
			return false
		}
		for _, pid := range c.daemons() {
			return syscall.Kill(pid, syscall.SIGKILL) == nil
		}
		return false
	}, time.Minute, 5*time.Millisecond, "buildkitd could not be killed in time")
	return running.wait()
}

// killedAfter kills buildkitd when the registry has the cache's manifest, which is written last.
func (c *cell) killedAfter() outcome {
	c.t.Helper()
	kill := fault{answer: func(f *front, _ http.ResponseWriter, r *http.Request) {
		f.content(r)
		for _, pid := range c.daemons() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		panic(http.ErrAbortHandler)
	}}
	var killed atomic.Bool
	written := func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+tag) && killed.CompareAndSwap(false, true)
	}
	front := c.newFront(proxyTo(c.w.registry.Addr()), strike{fault: kill, at: written})
	c.repository = front.host() + "/" + c.name
	o := c.build()
	assert.Positive(c.t, front.hits(), "the cache was not written:\n%s", o.log)
	return o
}

// daemons returns the process ids of the cell's buildkitds.
func (c *cell) daemons() []int {
	var found []int
	for _, process := range c.processes() {
		if strings.HasPrefix(process.Command, programs.Path(programs.Buildkitd)+"\x00") {
			if pid, err := strconv.Atoi(filepath.Base(process.Dir)); err == nil {
				found = append(found, pid)
			}
		}
	}
	return found
}

// withMemory builds with a memory limit, as in CodeBuild's container, and another last step. The step must be
// killed, and must not run twice.
func (c *cell) withMemory(bytes int, step string) outcome {
	c.t.Helper()
	c.write("Dockerfile", []byte(strings.Replace(dockerfile, "RUN cat installed", step, 1)))
	group, kind, limit := "/sys/fs/cgroup/"+c.name, "-t cgroup2 none /sys/fs/cgroup", "memory.max"
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err == nil {
		group, kind, limit = "/sys/fs/cgroup/memory/"+c.name, "-t cgroup -o memory none /sys/fs/cgroup/memory", "memory.limit_in_bytes"
	}
	require.NoError(c.t, os.Mkdir(group, 0o755))
	require.NoError(c.t, os.WriteFile(filepath.Join(group, limit), []byte(strconv.Itoa(bytes)), 0o600))
	c.mounts = append(c.mounts, "echo $$ > "+group+"/cgroup.procs")
	// Steps are put into groups below the root of the hierarchy that they see, which is this group.
	root := kind[strings.LastIndex(kind, " "):]
	c.starter = []string{"unshare", "--cgroup", "sh", "-c", "umount" + root + " && mount " + kind + ` && exec "$0" "$@"`}
	o := c.build()
	assert.Equal(c.t, 1, strings.Count(o.log, " it runs\n"), "a step that fails does not run twice\n%s", o.log)
	assert.NotContains(c.t, o.log, "signal: killed", "the builder must survive")
	assert.Eventually(c.t, func() bool { return removeGroups(group) == nil }, time.Minute, 50*time.Millisecond)
	return o
}

// removeGroups removes a control group and those below it.
func removeGroups(group string) error {
	below, err := filepath.Glob(filepath.Join(group, "*", ""))
	for _, each := range below {
		if info, problem := os.Stat(each); problem == nil && info.IsDir() {
			err = errors.Join(err, removeGroups(each))
		}
	}
	return errors.Join(err, os.Remove(group))
}

// confined builds with a size limit for the builder's folder, and for the folder that would be used instead.
func (c *cell) confined(size string) outcome {
	small := "mount -t tmpfs -o mode=700,size=" + size + " none "
	c.mounts = append(c.mounts, small+"/var/lib/layercache", "mkdir -p -m 700 "+c.tempDir()+"/layercache", small+c.tempDir()+"/layercache")
	o := c.build()
	require.NoError(c.t, os.RemoveAll(filepath.Join(c.tempDir(), "layercache")))
	return o
}

// without builds with a PATH that lacks one program.
func (c *cell) without(program string) outcome {
	c.t.Helper()
	bin := filepath.Join(c.tmp, "bin")
	require.NoError(c.t, os.Mkdir(bin, 0o755))
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if entry.Name() != program {
				_ = os.Symlink(filepath.Join(dir, entry.Name()), filepath.Join(bin, entry.Name()))
			}
		}
	}
	c.env["PATH"] = bin
	return c.build()
}

// with builds with a script in place of a program.
func (c *cell) with(program, script string) outcome {
	c.t.Helper()
	bin := filepath.Join(c.tmp, "bin")
	require.NoError(c.t, os.Mkdir(bin, 0o755))
	require.NoError(c.t, os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	c.env["PATH"] = bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	return c.build()
}

// plugin builds with a script that wraps buildx as docker's plugin.
func (c *cell) plugin(script string) outcome {
	c.t.Helper()
	dir := filepath.Join(c.tmp, "cli-plugins")
	require.NoError(c.t, os.Mkdir(dir, 0o755))
	text := "#!/bin/sh\ncase \"$*\" in *rawjson*) " + script + ";; esac\nexec " + programs.Path(programs.Buildx) + " \"$@\"\n"
	require.NoError(c.t, os.WriteFile(filepath.Join(dir, "docker-buildx"), []byte(text), 0o755))
	return c.build()
}

// asUser builds as an unprivileged user who may run the helper and buildx.
func (c *cell) asUser() outcome {
	c.t.Helper()
	bin := filepath.Join(c.tmp, "bin")
	require.NoError(c.t, os.Mkdir(bin, 0o755))
	require.NoError(c.t, os.WriteFile(filepath.Join(bin, "buildx"), nil, 0o755))
	for dir, mode := range map[string]os.FileMode{programs.Dir: 0o755, c.tmp: 0o777, c.tempDir(): 0o777, c.app: 0o755, filepath.Dir(c.app): 0o755} {
		require.NoError(c.t, os.Chmod(dir, mode))
	}
	c.mounts = append(c.mounts, "mount --bind "+programs.Path(programs.Buildx)+" "+filepath.Join(bin, "buildx"))
	c.starter = []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"}
	c.env["PATH"] = bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	return c.build()
}

// stages are the points at which a build can receive a signal.
var stages = append([]string{boot}, append(slices.Clone(points), step)...)

// signals are the signals that stop a build.
var signals = []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}

const (
	// boot is before the build has a builder.
	boot = "start of buildkitd"
	// step is while a step runs.
	step = "a step"
)

// signalled runs a cell whose build is stopped by a signal: while buildkitd starts, in a step, or while it
// waits for a server that does not answer.
func (s *signIns) signalled(t *testing.T, stage string, signal syscall.Signal) row {
	c := s.cell(t, fmt.Sprintf("cell%d", s.number.Add(1)))
	s.plant(t, c.name)
	c.env["LAYERCACHE_CACHE_TIMEOUT"] = "1m"
	there, settled := func(r *running) bool { return strings.Contains(r.text(), " it runs\n") }, 200*time.Millisecond
	switch stage {
	case boot:
		there, settled = func(*running) bool { return c.booting() }, 0
	case step:
		c.write("Dockerfile", []byte(strings.Replace(dockerfile, "RUN cat installed", "RUN echo it runs; sleep 300; cat installed", 1)))
	default:
		front := s.frontOf(c, stage, fault{name: "silence", answer: silence}, 0)
		there = func(r *running) bool { return front.hits() > 0 && strings.Contains(r.text(), "builder ready") }
	}
	running := c.start()
	require.Eventually(t, func() bool { return there(running) }, time.Minute, 10*time.Millisecond, "the build did not reach this point")
	time.Sleep(settled)
	require.NoError(t, running.cmd.Process.Signal(signal))
	o := running.wait()
	r := row{table: machine, fault: signalName(stage, signal), cache: "good"}
	if stage == figures {
		assert.Zero(t, o.exitCode, o.log)
		assert.Equal(t, c.program, s.imageOf(t, c.name), o.log)
		r.image = "pushed: the work was already done"
	} else {
		assert.Equal(t, 128+int(signal), o.exitCode, o.log)
		r.image = fmt.Sprintf("the build ends, exit status %d", o.exitCode)
	}
	c.cacheAfter()
	c.nothingLeft()
	return r
}

// booting reports whether buildkitd is starting. It first tests which platforms' programs it can run, with
// temporary files, and then creates its root.
func (c *cell) booting() bool {
	builder := filepath.Join(c.state, "builder-*")
	for _, pattern := range []string{filepath.Join(builder, "tmp", "qemu-check*"), filepath.Join(c.tempDir(), "qemu-check*"), filepath.Join(builder, "root")} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return true
		}
	}
	return false
}

func signalName(stage string, signal syscall.Signal) string {
	return map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}[signal] + " during: " + stage
}

// pair runs two builds at the same time, in one scope and with one folder for the builders' states.
func (w *baseline) pair(t *testing.T) []row {
	first, second := w.cell(t, fmt.Sprintf("cell%d", w.number.Add(1))), w.cell(t, fmt.Sprintf("cell%d", w.number.Add(1)))
	w.plant(t, first.name)
	second.repository, second.state = first.repository, first.state
	var group sync.WaitGroup
	for _, c := range []*cell{first, second} {
		running := c.start()
		group.Go(func() {
			o := running.wait()
			assert.Zero(t, o.exitCode, o.log)
			assert.Equal(t, w.program, w.imageOf(t, c.name), o.log)
			if assert.NotNil(t, o.Report, o.log) {
				assert.Contains(t, []string{"used", "partly-used"}, o.Verdict, o.log)
			}
		})
	}
	group.Wait()
	r := row{table: machine, image: "both pushed", cache: first.cacheAfter()}
	first.nothingLeft()
	second.nothingLeft()
	scope, helpers := r, r
	scope.fault, helpers.fault = "two concurrent builds of one scope", "two concurrent helpers on one machine"
	return []row{scope, helpers}
}
