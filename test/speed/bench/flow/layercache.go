package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/report"
)

// packed restores the zip's folder to the state in which CodeBuild provides it: unpacking buildkitd is part
// of the build.
func packed(_ context.Context, r *run) error {
	err := os.Remove(filepath.Join(r.machine.bundle, "buildkitd"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// buildLayercache runs the helper as a build in CodeBuild does.
func buildLayercache(ctx context.Context, r *run) error {
	cmd := r.Command(ctx, filepath.Join(r.machine.bundle, "layercache"), "build", "--push", "--tag", r.image(), ".")
	state, last, err := r.startHelper(cmd)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	peak := make(chan int64, 1)
	go func() { peak <- peakOf(cmd.Process.Pid, ended) }()
	err = cmd.Wait()
	close(ended)
	r.result.PeakBytes = <-peak
	if err != nil {
		return fmt.Errorf("layercache build: %w\n%s", err, last)
	}
	r.afterwards = func() error { return errors.Join(r.readReport(r.path("report")), removed(ctx, state)) }
	return nil
}

// startHelper starts a program that runs the helper, with an empty folder state for its builders. last keeps the end of
// the output.
func (r *run) startHelper(cmd *exec.Cmd) (state string, last *tail, err error) {
	cmd.Env = append(r.env, "LAYERCACHE_REPOSITORY="+r.Cache, "LAYERCACHE_BRANCH="+r.Branch, "LAYERCACHE_REPORT_DIR="+r.path("report"))
	cmd.Dir = r.Context
	last = &tail{}
	cmd.Stdout = io.MultiWriter(r.Log, last)
	cmd.Stderr = cmd.Stdout
	ownGroup(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	state = r.path("layercache")
	if err := os.Mkdir(state, 0o700); err != nil {
		return "", nil, err
	}
	return state, last, startOver(cmd, state, "/var/lib/layercache")
}

// removed waits until the builder's files are deleted, which would otherwise overlap with the next build.
func removed(ctx context.Context, state string) error {
	for {
		left, err := filepath.Glob(filepath.Join(state, "builder-*"))
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (r *run) readReport(folder string) error {
	read, err := report.Read(filepath.Join(folder, report.File))
	if err != nil {
		return err
	}
	r.result.Verdict = read.Verdict
	s := read.Seconds
	r.result.Parts = map[string]float64{
		"total": s.Total, "boot": s.Setup, "login": s.Login, "import": s.Import, "build": s.Build, "push": s.Push, "export": s.Export,
	}
	for _, step := range read.Steps {
		if !step.Cached && !strings.HasPrefix(step.Instruction, "FROM ") {
			r.result.StepsRun++
		}
	}
	return nil
}

// peakOf polls a process until it has ended, and returns its peak resident memory. The kernel's statistics of
// an ended process (rusage) include its children, so the builder.
func peakOf(pid int, ended <-chan struct{}) int64 {
	var peak int64
	for {
		if read := highWater(pid); read > 0 {
			peak = read
		}
		select {
		case <-ended:
			return peak
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// highWater returns VmHWM in bytes, or 0 if it cannot be read.
func highWater(pid int) int64 {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
