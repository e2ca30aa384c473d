package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// run is a build in progress.
type run struct {
	machine *Machine
	Build
	// env are the environment variables of all programs, dockerHost is the daemon's address.
	env        []string
	dockerHost string
	daemons    []*daemon
	// builder is the address of the buildkitd that was started by hand.
	builder string
	result  Result
	// afterwards reads the files that the build has written, outside the measured time.
	afterwards func() error
}

// newRun creates the folders of a build: its own home and its own folder for temporary files.
func newRun(m *Machine, b Build) (*run, error) {
	r := &run{machine: m, Build: b, result: Result{Parts: map[string]float64{}}}
	for _, folder := range []string{"home", "tmp", "buildx"} {
		if err := os.MkdirAll(filepath.Join(b.Dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
	}
	r.env = []string{
		"HOME=" + r.path("home"), "TMPDIR=" + r.path("tmp"), "BUILDX_CONFIG=" + r.path("buildx"),
		"PATH=" + m.tools + string(filepath.ListSeparator) + os.Getenv("PATH"),
	}
	r.env = append(r.env, b.Env...)
	if r.Command == nil {
		r.Command = exec.CommandContext
	}
	return r, nil
}

func (r *run) path(name string) string { return filepath.Join(r.Dir, name) }

// image returns the name of the image to build.
func (r *run) image() string { return r.Image + ":" + r.Tag }

// command runs a program to its end. Its output goes to the log, and standard error also to also.
func (r *run) command(ctx context.Context, also io.Writer, program string, args ...string) error {
	fmt.Fprintf(r.Log, "+ %s %s\n", program, strings.Join(args, " "))
	path := program
	if program == "buildx" || program == "docker" {
		path = r.machine.tool(program)
	}
	cmd := r.Command(ctx, path, args...)
	cmd.Env = r.env
	cmd.Dir = r.Context
	last := &tail{}
	cmd.Stdout = io.MultiWriter(r.Log, last)
	cmd.Stderr = io.MultiWriter(r.Log, last, also)
	ownGroup(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, last)
	}
	return nil
}

// docker runs the docker command against this build's daemon.
func (r *run) docker(ctx context.Context, also io.Writer, args ...string) error {
	return r.command(ctx, also, "docker", args...)
}

// close stops the daemons, the last one first.
func (r *run) close() {
	for len(r.daemons) > 0 {
		last := len(r.daemons) - 1
		r.daemons[last].stop()
		r.daemons = r.daemons[:last]
	}
}

// endedDaemons returns the last words of the daemons that did not live until now.
func (r *run) endedDaemons() error {
	var all []error
	for _, d := range r.daemons {
		all = append(all, d.ended())
	}
	return errors.Join(all...)
}

// tail keeps the end of what is written to it, for an error message.
type tail struct{ bytes.Buffer }

// Write keeps only the last kilobytes.
func (t *tail) Write(content []byte) (int, error) {
	const most = 4 << 10
	_, _ = t.Buffer.Write(content)
	if extra := t.Len() - most; extra > 0 {
		t.Next(extra)
	}
	return len(content), nil
}

// errNotReady is the error of a daemon that did not answer in time.
var errNotReady = errors.New("not ready after 30 seconds")
