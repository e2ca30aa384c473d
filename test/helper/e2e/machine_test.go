package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/mountns"
	"github.com/layercache/layercache/test/kit/programs"
)

// base is pulled through the mirror. Without a network, the registry serves a stand-in for it.
const base = "public.ecr.aws/docker/library/busybox:1.37"

// dockerfile is typical for an application: dependencies that rarely change, sources that often change, and a
// small last stage.
const dockerfile = `FROM ` + base + ` AS build
WORKDIR /app
COPY deps.txt .
RUN cat deps.txt > installed && echo dependencies installed
COPY src src
RUN cat src/* > program && echo program compiled

FROM ` + base + `
COPY --from=build --link /app/program /program
`

// The Dockerfile's steps except FROM.
const (
	workdir   = "WORKDIR /app"
	deps      = "COPY deps.txt ."
	installed = "RUN cat deps.txt > installed && echo dependencies installed"
	sources   = "COPY src src"
	compile   = "RUN cat src/* > program && echo program compiled"
	last      = "COPY --from=build --link /app/program /program"
)

var everyStep = []string{workdir, deps, installed, sources, compile, last}

// machine is the registry, application and environment of one test.
type machine struct {
	t        *testing.T
	registry *localecr.Server
	app      string
	tmp      string
	// builders is the folder that the helper sees as /var/lib/layercache.
	builders string
	env      map[string]string
	// stdin is the standard input of the helper.
	stdin string
	// mounts are files that the helper sees in another place.
	mounts map[string]string
	// mounting is a script that mounts more; it ends with &&.
	mounting string
	// tools are scripts on the PATH of a build by the rules of CodeBuild, by name.
	tools map[string]string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	server, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	w := &machine{t: t, registry: server, app: t.TempDir(), tmp: t.TempDir(), builders: t.TempDir()}
	w.write("Dockerfile", dockerfile)
	w.write("deps.txt", "left-pad\n")
	w.write("src/main.txt", "hello\n")
	w.env = map[string]string{
		"LAYERCACHE_REPOSITORY": server.Addr() + "/cache",
		"LAYERCACHE_MIRRORS":    "public.ecr.aws=" + server.Addr() + "/ecr-public",
		"LAYERCACHE_BRANCH":     "main",
		// On a busy machine the registry may be slow; that must not count as a cache failure.
		"LAYERCACHE_CACHE_TIMEOUT": "60s",
		"LAYERCACHE_REPORT_DIR":    filepath.Join(w.tmp, "report"),
	}
	return w
}

func (w *machine) write(path, content string) {
	w.t.Helper()
	full := filepath.Join(w.app, path)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(w.t, os.WriteFile(full, []byte(content), 0o644))
}

func (w *machine) image() string { return w.registry.Addr() + "/shop:1" }

// command returns a command that runs the helper in the application's folder, without the LAYERCACHE_*
// variables of this process.
func (w *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	program := programs.Bundled
	if slices.Contains([]string{"try", "lint"}, args[0]) {
		program = programs.Whole
	}
	cmd := w.inside(ctx, programs.Path(program), args...)
	cmd.Dir = w.app
	cmd.Env = []string{"TMPDIR=" + w.tmp, "HOME=" + w.tmp, "PATH=" + os.Getenv("PATH")}
	for variable, value := range w.env {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	return cmd
}

// inside returns a command that runs the program with the machine's folder for builders, separate from other
// builders on this machine.
func (w *machine) inside(ctx context.Context, program string, args ...string) *exec.Cmd {
	script := w.mounting + mountns.Enter
	for from, to := range w.mounts {
		script = fmt.Sprintf("mount --bind %s %s && %s", from, to, script)
	}
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, w.builders, program}, args...)...)
	mountns.Use(cmd)
	return cmd
}

// outcome is the result of a run of the helper.
type outcome struct {
	*report.Report
	exitCode int
	log      string
}

// build runs `layercache build --push --tag IMAGE ARGS… .`.
func (w *machine) build(args ...string) outcome {
	w.t.Helper()
	return w.run(append(append([]string{"build", "--push", "--tag", w.image()}, args...), ".")...)
}

func (w *machine) run(args ...string) outcome {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := w.command(ctx, args...)
	var log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(w.stdin), &log, &log
	path := filepath.Join(w.env["LAYERCACHE_REPORT_DIR"], report.File)
	_ = os.Remove(path)
	err := cmd.Run()
	require.NoError(w.t, ctx.Err(), log.String())
	got := outcome{log: log.String(), exitCode: cmd.ProcessState.ExitCode()}
	if err == nil || got.exitCode > 0 {
		got.Report, _ = report.Read(path)
	}
	w.nothingLeft()
	return got
}

// succeeds checks that the build succeeded and wrote a report.
func (w *machine) succeeds(o outcome) outcome {
	w.t.Helper()
	require.Zero(w.t, o.exitCode, o.log)
	require.NotNil(w.t, o.Report, o.log)
	return o
}

// ran returns the instructions that were not cached.
func (o outcome) ran() []string {
	var instructions []string
	for _, step := range o.Steps {
		if !step.Cached && !strings.HasPrefix(step.Instruction, "FROM ") {
			instructions = append(instructions, step.Instruction)
		}
	}
	return instructions
}

// nothingLeft checks that no process, state folder or private folder outlived the helper.
func (w *machine) nothingLeft() {
	w.t.Helper()
	assert.Empty(w.t, w.processes(), "processes that outlived the helper")
	private, err := filepath.Glob(filepath.Join(w.tmp, "layercache-*"))
	assert.NoError(w.t, err)
	assert.Empty(w.t, private, "private folders that were not removed")
	w.noBuilderLeft()
}

// noBuilderLeft checks that the builders' folders are removed. It waits, because a background process removes
// them after the helper has ended.
func (w *machine) noBuilderLeft() {
	w.t.Helper()
	var left []string
	assert.Eventually(w.t, func() bool {
		left = w.builderFolders()
		return len(left) == 0
	}, time.Minute, 20*time.Millisecond, "builder folders that were not removed: %q", &left)
}

func (w *machine) builderFolders() []string {
	found, _ := filepath.Glob(filepath.Join(w.builders, "builder-*"))
	return found
}

// processes returns the command lines of the helper and of everything that it started.
func (w *machine) processes() []string {
	var found []string
	for _, process := range programs.Running(w.tmp, w.builders) {
		found = append(found, strings.ReplaceAll(process.Command, "\x00", " "))
	}
	return found
}

func (w *machine) pulled(image string) v1.Image { return localecr.Pulled(w.t, image) }

func (w *machine) tags(repository string) []string { return w.registry.Tags(w.t, repository) }
