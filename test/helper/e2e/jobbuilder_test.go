package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/internal/verdict/worth"
	"github.com/layercache/layercache/test/kit/programs"
)

// stage is what the images of a job share. Names of stages do not count.
const stage = `WORKDIR /app
COPY deps.txt .
RUN cat deps.txt > installed && cat /proc/sys/kernel/random/uuid > once
`

// stageSteps are the steps of stage.
var stageSteps = []string{"WORKDIR /app", "COPY deps.txt .", "RUN cat deps.txt > installed && cat /proc/sys/kernel/random/uuid > once"}

// newJob returns a machine whose builds are of one job, with the Dockerfiles of two images.
func newJob(t *testing.T) *machine {
	w := newMachine(t)
	w.write("api/Dockerfile", "FROM "+base+" AS deps\n"+stage+"FROM "+base+"\nCOPY --from=deps /app /app\nRUN echo api > /name\n")
	w.write("web/Dockerfile", "FROM "+base+" AS packages\n"+stage+"FROM packages\nRUN echo web > /name\n")
	w.joinBuilds()
	return w
}

// joinBuilds makes the builds of the machine those of one job, whose builder is stopped after the test.
func (w *machine) joinBuilds() {
	w.env["LAYERCACHE_JOB"] = "shop"
	w.t.Cleanup(func() {
		// The context of the test has ended.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		log, err := w.command(ctx, "stop").CombinedOutput()
		assert.NoError(w.t, err, string(log))
		w.nothingLeft()
	})
}

// stop runs `layercache stop` and checks that nothing is left.
func (w *machine) stop() string {
	w.t.Helper()
	stopped := w.runAlongside("stop")
	assert.Zero(w.t, stopped.exitCode, stopped.log)
	w.nothingLeft()
	return stopped.log
}

// jobImage builds one of the images of a job.
func (w *machine) jobImage(name string, args ...string) outcome {
	w.t.Helper()
	args = append([]string{"build", "--push", "--tag", w.registry.Addr() + "/" + name + ":1", "--file", name + "/Dockerfile"}, args...)
	return w.inJob(name, append(args, ".")...)
}

// inJob runs a build of a job, whose builder outlives it. The name is that of the report's folder.
func (w *machine) inJob(name string, args ...string) outcome {
	w.t.Helper()
	dir := filepath.Join(w.tmp, "report-"+name)
	p := w.startWith(map[string]string{"LAYERCACHE_REPORT_DIR": dir}, args...)
	got := outcome{exitCode: p.wait(), log: p.text()}
	got.Report, _ = report.Read(filepath.Join(dir, report.File))
	return w.succeeds(got)
}

// startWith is start with more variables.
func (w *machine) startWith(env map[string]string, args ...string) *process {
	w.t.Helper()
	p := &process{t: w.t, cmd: w.command(w.t.Context(), args...)}
	for variable, value := range env {
		p.cmd.Env = append(p.cmd.Env, variable+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p, p, 30*time.Second
	require.NoError(w.t, p.cmd.Start())
	return p
}

// earlier returns the instructions that an earlier build of the job left in the builder.
func (o outcome) earlier() []string {
	var instructions []string
	for _, step := range o.Steps {
		if step.Earlier && !strings.HasPrefix(step.Instruction, "FROM ") {
			instructions = append(instructions, step.Instruction)
		}
	}
	return instructions
}

// daemons returns the process IDs of the machine's programs with this name.
func (w *machine) daemons(name string) []int {
	w.t.Helper()
	var found []int
	for _, process := range programs.Running(w.tmp, w.builders) {
		if program, _, _ := strings.Cut(process.Command, "\x00"); filepath.Base(program) == name {
			pid, err := strconv.Atoi(filepath.Base(process.Dir))
			require.NoError(w.t, err)
			found = append(found, pid)
		}
	}
	return found
}

func TestImagesOfAJobShareABuilder(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.env["NPM_TOKEN"] = "canary"
	api := w.jobImage("api")
	assert.Equal(t, slices.Concat(stageSteps, []string{"COPY --from=deps /app /app", "RUN echo api > /name"}), api.ran())
	assert.Equal(t, verdict.Cold, api.Verdict)
	assert.Len(t, w.daemons("buildkit-keeper"), 1, "the builder outlives the build")
	daemons := w.daemons("buildkitd")
	require.Len(t, daemons, 1)
	for _, process := range programs.Running(w.tmp, w.builders) {
		environment, err := os.ReadFile(filepath.Join(process.Dir, "environ"))
		require.NoError(t, err)
		assert.NotContains(t, string(environment), "canary", "what outlives the build has nothing of it: %s", process.Command)
	}

	t.Run("a stage that two images share is built once", func(t *testing.T) {
		web := w.jobImage("web")
		assert.Equal(t, []string{"RUN echo web > /name"}, web.ran())
		assert.Equal(t, stageSteps, web.earlier())
		assert.Equal(t, w.file("api", "app/once"), w.file("web", "app/once"))
		assert.Equal(t, daemons, w.daemons("buildkitd"))
		assert.Equal(t, verdict.FromJob, web.HitsFrom)
		assert.Contains(t, web.log, "1 of 4 steps had to run, the rest came from earlier builds of this job, not from the configured cache")
		assert.Equal(t, worth.Unknown, web.Worth, "a cache that was not used has saved nothing")
	})
	t.Run("a build whose steps come from the cache says so, though others use the builder", func(t *testing.T) {
		w.stop()
		for _, name := range []string{"web", "api"} {
			built := w.jobImage(name)
			assert.Empty(t, built.ran())
			assert.Empty(t, built.earlier(), "what web only looked up in its cache is not in the builder")
			assert.Equal(t, verdict.Used, built.Verdict)
			assert.Equal(t, verdict.FromCache, built.HitsFrom)
		}
	})
	t.Run("a build gets what an earlier one had fetched from its cache", func(t *testing.T) {
		w.stop()
		once := w.file("web", "app/once")
		w.write("web/Dockerfile", "FROM "+base+"\n"+stage+"RUN cat once && echo changed > /name\n")
		assert.Equal(t, []string{"RUN cat once && echo changed > /name"}, w.jobImage("web").ran())
		w.env["LAYERCACHE_APP"] = "new"
		defer delete(w.env, "LAYERCACHE_APP")
		api := w.jobImage("api")
		assert.Equal(t, []string{"COPY --from=deps /app /app", "RUN echo api > /name"}, api.ran(), api.log)
		assert.Equal(t, stageSteps, api.earlier())
		assert.Equal(t, once, w.file("api", "app/once"))
	})
	t.Run("stop ends the builder and removes its files", func(t *testing.T) {
		assert.Equal(t, "layercache: the builder of this job has ended\n", w.stop())
		assert.Equal(t, "layercache: no builder of this job is running\n", w.stop())
	})
}

func TestBakesOfAJobShareABuilder(t *testing.T) {
	t.Parallel()
	w := newBakery(t)
	w.joinBuilds()
	shared := []string{"WORKDIR /app", "COPY shared shared", "RUN cat shared/* > common && echo shared $(date +%N) > when"}
	w.inJob("api", "bake", "--push", "api")
	both := w.inJob("both", "bake", "--push", "web", "worker")
	web := outcome{Report: both.target(t, "web")}
	assert.Equal(t, []string{"COPY web web", "RUN cat common web/* > program"}, web.ran(), both.log)
	assert.Equal(t, shared, web.earlier())
	assert.Equal(t, verdict.FromJob, web.HitsFrom)
	assert.Empty(t, outcome{Report: both.target(t, "worker")}.earlier(), "its Dockerfile shares nothing")
}

func TestABuilderOfAJobEnds(t *testing.T) {
	t.Parallel()
	t.Run("when no build has used it for a while", func(t *testing.T) {
		t.Parallel()
		w := newJob(t)
		w.env["LAYERCACHE_JOB_IDLE"] = "1s"
		w.jobImage("api")
		assert.Eventually(t, func() bool { return len(w.processes()) == 0 }, time.Minute, 50*time.Millisecond)
		w.nothingLeft()
	})
	t.Run("when the process that keeps it is killed, and the next build gets another one", func(t *testing.T) {
		t.Parallel()
		w := newJob(t)
		w.jobImage("api")
		keepers := w.daemons("buildkit-keeper")
		require.Len(t, keepers, 1)
		require.NoError(t, syscall.Kill(keepers[0], syscall.SIGKILL))
		assert.Eventually(t, func() bool { return len(w.processes()) == 0 }, time.Minute, 50*time.Millisecond, "buildkitd does not outlive it")
		assert.Contains(t, w.jobImage("web").ran(), stageSteps[2])
	})
	t.Run("when buildkitd is killed, and the next build gets another one", func(t *testing.T) {
		t.Parallel()
		w := newJob(t)
		w.jobImage("api")
		killed := w.daemons("buildkitd")
		require.Len(t, killed, 1)
		require.NoError(t, syscall.Kill(killed[0], syscall.SIGKILL))
		w.jobImage("web")
		assert.NotEqual(t, killed, w.daemons("buildkitd"))
		assert.Len(t, w.daemons("buildkit-keeper"), 1)
	})
}

func TestABuildOfAJobKnowsItsHitsWhileAnotherRuns(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.jobImage("api")
	for _, c := range []struct {
		name, dockerfile string
		earlier          []string
		from             string
	}{
		{"the other shares nothing, so that all hits are from the cache", slow, nil, verdict.FromCache},
		{"the other has run steps that both share", "FROM " + base + "\n" + stage + "RUN echo waiting now; sleep 300\n", stageSteps, verdict.FromCacheAndJob},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.stop()
			w.write("web/Dockerfile", c.dockerfile)
			running := w.startWith(map[string]string{"LAYERCACHE_REPORT_DIR": filepath.Join(w.tmp, "web")},
				"build", "--push", "--tag", w.image(), "--file", "web/Dockerfile", ".")
			running.waitFor("waiting now")
			api := w.jobImage("api")
			assert.Empty(t, api.ran())
			assert.Equal(t, c.earlier, api.earlier())
			assert.Equal(t, c.from, api.HitsFrom, api.log)
			require.NoError(t, running.cmd.Process.Signal(os.Interrupt))
			running.wait()
		})
	}
}

func TestABuildOfAJobThatIsStopped(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run("leaves the builder to the others after the signal "+signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newJob(t)
			w.env["LAYERCACHE_JOB_IDLE"] = "5m"
			w.write("web/Dockerfile", slow)
			running := w.startWith(nil, "build", "--push", "--tag", w.image(), "--file", "web/Dockerfile", ".")
			running.waitFor("waiting now")
			daemons := w.daemons("buildkitd")
			require.Len(t, daemons, 1)
			require.NotEmpty(t, w.daemons("sleep"))
			require.NoError(t, running.cmd.Process.Signal(signal))
			running.wait()
			assert.Eventually(t, func() bool { return len(w.daemons("sleep")) == 0 }, time.Minute, 50*time.Millisecond, "its steps end")
			assert.Equal(t, stageSteps, w.jobImage("api").ran()[:len(stageSteps)])
			assert.Equal(t, daemons, w.daemons("buildkitd"))
			private, err := filepath.Glob(filepath.Join(w.tmp, "layercache-session-*"))
			require.NoError(t, err)
			assert.Empty(t, private, "the next build removes the private folder of a helper that was killed")
		})
	}
}

func TestStopWaitsForTheBuildsOfAJob(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.write("web/Dockerfile", "FROM "+base+"\nRUN echo waiting now; sleep 15\n")
	running := w.startWith(nil, "build", "--push", "--tag", w.registry.Addr()+"/web:1", "--file", "web/Dockerfile", ".")
	running.waitFor("waiting now")
	stop := w.startWith(nil, "stop")
	assert.Eventually(t, func() bool { return len(w.sockets()) == 0 }, time.Minute, 20*time.Millisecond, "no build joins it any more")
	w.jobImage("api")
	assert.Len(t, w.daemons("buildkitd"), 2, "a build that starts meanwhile gets another builder")
	assert.Zero(t, running.wait(), running.text())
	assert.NotContains(t, running.text(), "the builder ended unexpectedly")
	assert.Zero(t, stop.wait(), stop.text())
	assert.Len(t, w.daemons("buildkitd"), 1)
}

// sockets returns the sockets at which builds join a builder.
func (w *machine) sockets() []string {
	found, err := filepath.Glob(filepath.Join(w.builders, "jobs", "*.sock"))
	require.NoError(w.t, err)
	return found
}

func TestABuildGoesOnWhenTheBuilderOfItsJobIsKilled(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.write("web/Dockerfile", "FROM "+base+"\nRUN echo waiting now; sleep 20\n")
	running := w.startWith(nil, "build", "--push", "--tag", w.registry.Addr()+"/web:1", "--file", "web/Dockerfile", ".")
	running.waitFor("waiting now")
	daemons := w.daemons("buildkitd")
	require.Len(t, daemons, 1)
	require.NoError(t, syscall.Kill(daemons[0], syscall.SIGKILL))
	assert.Zero(t, running.wait(), running.text())
	assert.Contains(t, running.text(), "the builder ended unexpectedly (buildkitd was killed, perhaps because memory ran out): building again on a new one")
}

func TestABuildGoesOnWhenTheCacheOfAnotherMadeTheBuilderUnusable(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	silent := atomic.Bool{}
	w.env["LAYERCACHE_REPOSITORY"] = w.front(func(_ http.ResponseWriter, r *http.Request) bool {
		hit := silent.Load() && strings.Contains(r.URL.Path, "/cache/manifests/api-") && strings.HasPrefix(r.UserAgent(), "buildkit/")
		if hit {
			<-r.Context().Done()
		}
		return hit
	}) + "/cache"
	w.jobImage("api")
	w.write("web/Dockerfile", "FROM "+base+"\nRUN echo waiting now; sleep 15\n")
	running := w.startWith(nil, "build", "--push", "--tag", w.registry.Addr()+"/web:1", "--file", "web/Dockerfile", ".")
	running.waitFor("waiting now")
	silent.Store(true)
	w.env["LAYERCACHE_CACHE_TIMEOUT"] = "2s"
	api := w.jobImage("api", "--build-arg", "CHANGED=1")
	assert.Contains(t, api.log, "the cache took too long to answer")
	assert.Zero(t, running.wait(), running.text())
	assert.Contains(t, running.text(), "the builder ended unexpectedly (another build of this job ended it, because its cache had made the builder unusable): building again on a new one")
	assert.Len(t, w.daemons("buildkitd"), 1, "both have gone on to the same one")
}

func TestTwoFirstBuildsOfAJobStartOneBuilder(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.write("web/Dockerfile", "FROM "+base+"\nRUN echo waiting now; sleep 3\n")
	w.write("api/Dockerfile", "FROM "+base+"\nRUN echo waiting now; sleep 4\n")
	var running []*process
	for _, name := range []string{"api", "web"} {
		running = append(running, w.startWith(map[string]string{"LAYERCACHE_REPORT_DIR": filepath.Join(w.tmp, name)},
			"build", "--push", "--tag", w.registry.Addr()+"/"+name+":1", "--file", name+"/Dockerfile", "."))
	}
	for _, p := range running {
		p.waitFor("waiting now")
	}
	assert.Len(t, w.daemons("buildkitd"), 1)
	for _, p := range running {
		assert.Zero(t, p.wait(), p.text())
	}
}

func TestJobsOnOneMachineStayApart(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.jobImage("api")
	for _, c := range []struct {
		name string
		env  map[string]string
		// stops is true if the builder is of another job, and so has a stop of its own.
		stops bool
	}{
		{"another name", map[string]string{"LAYERCACHE_JOB": "other"}, true},
		{"another CodeBuild build", map[string]string{"CODEBUILD_BUILD_ID": "project:1"}, true},
		{"another configuration", map[string]string{"NO_PROXY": "localhost"}, false},
		{"no job", map[string]string{"LAYERCACHE_JOB": "off"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.daemons("buildkitd")
			p := w.startWith(c.env, "build", "--push", "--tag", w.registry.Addr()+"/web:1", "--file", "web/Dockerfile", ".")
			require.Zero(t, p.wait(), p.text())
			assert.NotContains(t, p.text(), "earlier builds of this job")
			if c.stops {
				assert.Greater(t, len(w.daemons("buildkitd")), len(before))
				stopped := w.startWith(c.env, "stop")
				assert.Zero(t, stopped.wait(), stopped.text())
				assert.Equal(t, before, w.daemons("buildkitd"))
			}
		})
	}
	assert.Equal(t, "layercache: the 2 builders of this job have ended\n", w.stop())
}

// uuid matches what stage writes into the file once.
var uuid = regexp.MustCompile(`^[0-9a-f-]{36}\n$`)

// file returns a file of an image that a test has built.
func (w *machine) file(image, path string) string {
	w.t.Helper()
	content := fileOf(w.t, w.pulled(w.registry.Addr()+"/"+image+":1"), path)
	require.Regexp(w.t, uuid, content)
	return content
}

// confined shows what a step may do and what it finds.
const confined = "FROM " + base + `
RUN grep -E '^(Cap|Sig(Ign|Blk)|Seccomp|NoNewPrivs)' /proc/self/status > /seen; cat /proc/self/oom_score_adj >> /seen; env | grep -v TRACEPARENT | sort >> /seen; \
    ls /dev >> /seen; ulimit -a >> /seen; cut -d' ' -f5- /proc/self/mountinfo | grep -v builder- >> /seen
`

func TestStepsOfAJobAreConfinedAsOthers(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.write("api/Dockerfile", confined)
	seen := map[string]string{}
	for _, job := range []string{"off", "shop"} {
		w.env["LAYERCACHE_JOB"], w.env["LAYERCACHE_MODE"] = job, "off"
		w.jobImage("api")
		seen[job] = fileOf(t, w.pulled(w.registry.Addr()+"/api:1"), "seen")
	}
	require.NotEmpty(t, seen["off"])
	assert.Equal(t, seen["off"], seen["shop"])
	assert.Contains(t, seen["shop"], "\n1000\n", "the kernel kills steps first")
}

// withMount has a step that shows what is in its cache mount, and adds a file with the name of the image.
const withMount = "FROM " + base + "\nCOPY src src\nRUN --mount=type=cache,target=/modules echo \"modules: $(ls /modules | tr '\\n' ' ').\"; touch /modules/NAME; echo waiting now; sleep SECONDS\n"

// writeMounted writes the Dockerfile of an image whose step with a cache mount takes that long.
func (w *machine) writeMounted(name, seconds string) {
	w.write(name+"/Dockerfile", strings.NewReplacer("NAME", name, "SECONDS", seconds).Replace(withMount))
}

func TestCacheMountsOfAJob(t *testing.T) {
	t.Parallel()
	w := newJob(t)
	w.writeMounted("api", "0")
	w.writeMounted("web", "0")
	t.Run("each build keeps its own, although both use one builder", func(t *testing.T) {
		for _, name := range []string{"api", "web"} {
			built := w.jobImage(name)
			assert.Contains(t, built.log, "modules: .", "the mount of the other build is gone")
			require.Len(t, built.Mounts, 1)
			assert.True(t, built.Mounts[0].Saved, built.log)
		}
		assert.Len(t, w.daemons("buildkitd"), 1)
		w.write("src/main.txt", "changed\n")
		for _, name := range []string{"api", "web"} {
			built := w.jobImage(name)
			assert.Contains(t, built.log, "modules: "+name+" .")
			require.Len(t, built.Mounts, 1)
			assert.True(t, built.Mounts[0].Restored, built.log)
		}
	})
	t.Run("a build at the same time gets a builder of its own", func(t *testing.T) {
		w.writeMounted("api", "15")
		first := w.startWith(map[string]string{"LAYERCACHE_REPORT_DIR": filepath.Join(w.tmp, "first")},
			"build", "--push", "--tag", w.registry.Addr()+"/api:1", "--file", "api/Dockerfile", ".")
		first.waitFor("waiting now")
		w.write("src/main.txt", "changed again\n")
		second := w.jobImage("web")
		assert.Contains(t, second.log, "a builder of its own, because another build of this job keeps its cache mounts on the job's builder at the same time")
		assert.Contains(t, second.log, "modules: web .")
		assert.Zero(t, first.wait(), first.text())
		assert.Contains(t, first.text(), "modules: api .")
	})
	t.Run("a build without cache mounts shares the builder at the same time", func(t *testing.T) {
		w.writeMounted("api", "16")
		w.write("web/Dockerfile", "FROM "+base+"\nRUN echo web\n")
		first := w.startWith(map[string]string{"LAYERCACHE_REPORT_DIR": filepath.Join(w.tmp, "first")},
			"build", "--push", "--tag", w.registry.Addr()+"/api:1", "--file", "api/Dockerfile", ".")
		first.waitFor("waiting now")
		second := w.jobImage("web")
		assert.NotContains(t, second.log, "a builder of its own")
		assert.Zero(t, first.wait(), first.text())
	})
}
