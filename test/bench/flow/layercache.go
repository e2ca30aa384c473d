package flow

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/report"
)

// buildLayercache runs the helper as a build does.
func buildLayercache(ctx context.Context, r *run) error {
	cmd := r.Command(ctx, r.machine.tool("layercache"), "build", "--push", "--tag", r.image(), ".")
	cmd.Env = append(r.env, "LAYERCACHE_REPOSITORY="+r.Cache, "LAYERCACHE_BRANCH="+r.Branch, "LAYERCACHE_REPORT_DIR="+r.path("report"))
	cmd.Dir = r.Context
	last := &tail{}
	cmd.Stdout = io.MultiWriter(r.Log, last)
	cmd.Stderr = cmd.Stdout
	ownGroup(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	peak := make(chan int64, 1)
	go func() { peak <- peakOf(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	close(ended)
	r.result.PeakBytes = <-peak
	if err != nil {
		return fmt.Errorf("layercache build: %w\n%s", err, last)
	}
	r.afterwards = r.readReport
	return nil
}

func (r *run) readReport() error {
	read, err := report.Read(r.path("report") + "/" + report.File)
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

// peakOf follows a process until it has ended, and answers the most memory that it had resident. The kernel's account of an
// ended process (rusage) has its children in it: the builder.
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

// highWater reads VmHWM, in bytes; 0 where there is none.
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
