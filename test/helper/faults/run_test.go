//go:build linux

package faults

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/verdict"
	"github.com/layercache/layercache/test/kit/programs"
)

// outcome is the result of a run of the helper.
type outcome struct {
	*report.Report
	exitCode int
	log      string
	seconds  float64
}

// succeeds checks that the build succeeded and wrote a report.
func (o outcome) succeeds(t *testing.T) {
	t.Helper()
	require.Zero(t, o.exitCode, o.log)
	require.NotNil(t, o.Report, o.log)
}

// running is a helper in the background.
type running struct {
	c      *cell
	cmd    *exec.Cmd
	cancel context.CancelFunc
	ctx    context.Context
	began  time.Time
	mutex  sync.Mutex
	log    bytes.Buffer
}

func (r *running) Write(content []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.log.Write(content)
}

func (r *running) text() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.log.String()
}

// start runs `layercache build --push --tag IMAGE .`.
func (c *cell) start() *running {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	r := &running{c: c, ctx: ctx, cancel: cancel, began: time.Now()}
	r.cmd = c.command(ctx, append(append([]string{"build", "--push", "--tag", c.image}, c.args...), ".")...)
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.WaitDelay = r, r, 5*time.Second
	_ = os.Remove(c.report())
	require.NoError(c.t, r.cmd.Start())
	return r
}

func (c *cell) report() string { return filepath.Join(c.tmp, "report", report.File) }

func (r *running) wait() outcome {
	r.c.t.Helper()
	defer r.cancel()
	_ = r.cmd.Wait()
	o := outcome{exitCode: r.cmd.ProcessState.ExitCode(), log: r.text(), seconds: time.Since(r.began).Seconds()}
	assert.NoError(r.c.t, r.ctx.Err(), "the build hung:\n%s", o.log)
	o.Report, _ = report.Read(r.c.report())
	return o
}

func (c *cell) build() outcome {
	c.t.Helper()
	return c.start().wait()
}

// nothingLeft checks that no process, folder or file is left of the helper.
func (c *cell) nothingLeft() {
	c.t.Helper()
	var left []string
	assert.Eventually(c.t, func() bool {
		left = c.leftovers()
		return len(left) == 0
	}, time.Minute, 50*time.Millisecond, "left by the helper: %q", &left)
}

// processes returns the processes of the cell.
func (c *cell) processes() []programs.Process { return programs.Running(c.tmp, c.state) }

func (c *cell) leftovers() []string {
	var found []string
	for _, process := range c.processes() {
		found = append(found, "process "+strings.ReplaceAll(process.Command, "\x00", " "))
	}
	for _, dir := range []string{c.tempDir(), filepath.Join(c.tempDir(), "layercache"), c.state} {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			// The parent folder of the builders' folders stays, with its lock.
			if entry.Name() != "lock" && entry.Name() != "layercache" {
				found = append(found, filepath.Join(dir, entry.Name()))
			}
		}
	}
	return found
}

// causes returns the warnings in the log, shortened to the verdict's words: the operation that failed, if it
// is not evident, and the cause.
func (o outcome) causes() string {
	var causes []string
	for line := range strings.Lines(o.log) {
		warning, found := strings.CutPrefix(line, "layercache: warning: ")
		if !found {
			continue
		}
		for _, with := range []struct{ pattern, words string }{
			{" could not be read: ", "reading: "}, {"the cache could not be written to ", "writing: "},
			{"sign in to ECR in eu-west-1: ", "sign-in: "}, {"send metrics to CloudWatch namespace \"faults\": ", "metrics: "},
		} {
			if before, problem, ok := strings.Cut(warning, with.pattern); ok && (before == "" || with.words == "reading: ") {
				switch with.words {
				case "writing: ":
					_, problem, _ = strings.Cut(problem, ": ")
				case "sign-in: ":
					problem = verdict.Cause(problem)
				case "metrics: ":
					problem = strings.NewReplacer("the registry", "CloudWatch", "the cache repository", "CloudWatch").Replace(verdict.Cause(problem))
				}
				warning = with.words + problem
			}
		}
		if strings.HasPrefix(warning, "write the report: ") && strings.Contains(warning, full) {
			warning = "write the report: " + full
		}
		if cause := scrubbed(warning); !slices.Contains(causes, cause) {
			causes = append(causes, cause)
		}
	}
	return strings.Join(causes, "; ")
}

// failure returns why the build failed, in the verdict's words.
func (o outcome) failure() string {
	var last string
	for line := range strings.Lines(o.log) {
		problem, buildx := strings.CutPrefix(line, "buildx: ERROR: ")
		if problem = strings.TrimSpace(problem); buildx || strings.HasPrefix(problem, "native builder: ") {
			last = problem
		}
	}
	_, pushed, found := strings.Cut(last, ": failed to push ")
	if _, refusal, ok := strings.Cut(pushed, ":1: "); found && ok {
		last = refusal
	}
	if strings.Contains(last, full) {
		return full
	}
	return scrubbed(verdict.Cause(last))
}

// full is the error of a full disk.
const full = "no space left on device"

// variable lists the parts of a text that differ in every run, with their replacements.
var variable = []struct {
	pattern *regexp.Regexp
	words   string
}{
	{regexp.MustCompile(`cell\d+\.faults\.test:\d+`), "REGISTRY"},
	{regexp.MustCompile(`\b(shop-)?cell\d+\b`), "REPOSITORY"},
	{regexp.MustCompile(`127\.\d+\.\d+\.\d+:\d+`), "ADDRESS"},
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "DIGEST"},
	{regexp.MustCompile(`/blobs/uploads/\d+`), "/blobs/uploads/ID"},
	{regexp.MustCompile(`\b(write|mkdir|open) /[^ :]+:`), "$1 FILE:"},
}

func scrubbed(text string) string {
	for _, v := range variable {
		text = v.pattern.ReplaceAllString(text, v.words)
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}
