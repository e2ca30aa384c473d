// Package try measures what a registry cache would do for a Dockerfile, on one machine and without an AWS
// account. It builds the Dockerfile cold, unchanged and changed with a temporary registry, each time on a
// fresh builder, and once without a cache for comparison.
package try

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/layercache/layercache/internal/buildkit/setup"
	"github.com/layercache/layercache/internal/registry/throwaway"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

// Options are the options of Run.
type Options struct {
	// Dir is the build context.
	Dir string
	// Dockerfile is the path of the Dockerfile; empty means Dockerfile in Dir.
	Dockerfile string
	// Touch is the file to change before the changed build, relative to Dir; empty means a file that the
	// Dockerfile copies late.
	Touch string
	// BuildArgs are further arguments of `docker buildx build`.
	BuildArgs []string
	// Settings set the builder, the mirrors and the report folder. Settings of the cache are overridden.
	Settings variables.Settings
	// Stdout receives the result, Stderr the progress.
	Stdout, Stderr io.Writer
}

// The builds, in the order in which they run. The one without a cache runs last, when the machine's own
// caches are warm: if the order favours any build, it is that one.
const (
	Cold      = "cold"
	Unchanged = "unchanged"
	Changed   = "changed"
	NoCache   = "no cache"
)

// Failed is the error for a build that failed, with its exit status.
type Failed struct {
	Build    string
	ExitCode int
}

func (f Failed) Error() string {
	return fmt.Sprintf("the %s build failed with exit status %d; its output is above", f.Build, f.ExitCode)
}

// Run runs the builds and writes a table and a conclusion. It stops everything that it started before it
// returns.
func Run(ctx context.Context, options Options) (err error) {
	if err := check(&options); err != nil {
		return err
	}
	for _, name := range []string{Cold, Unchanged, Changed, NoCache} {
		if err := report.Clear(reportDir(options.Settings, name)); err != nil {
			return err
		}
	}
	if err := setup.Tools(ctx, options.Settings.Builder, options.Stderr); err != nil {
		return err
	}
	copied, err := copyContext(options.Dir, options.Dockerfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(copied)) }()
	server, err := throwaway.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	t := &trial{options: options, context: copied, host: hostForBuilder(server.Host())}
	rows, err := t.builds(ctx)
	if err != nil {
		return err
	}
	if err := present(options.Stdout, rows, t.change); err != nil {
		return err
	}
	return presentAdvice(options.Stdout, options)
}

// reportDir is the folder of one build's report.
func reportDir(s variables.Settings, name string) string {
	return filepath.Join(s.ReportDir, slug(name))
}

func check(options *Options) error {
	info, err := os.Stat(options.Dir)
	if err != nil || !info.IsDir() {
		return fmt.Errorf("%s is not a folder: expected the folder with the Dockerfile and the files that it copies", options.Dir)
	}
	if options.Dockerfile == "" {
		options.Dockerfile = filepath.Join(options.Dir, "Dockerfile")
	}
	if _, err := os.Stat(options.Dockerfile); err != nil {
		return fmt.Errorf("%s does not exist: set the path of the Dockerfile with --file", options.Dockerfile)
	}
	if options.Touch == "" {
		return nil
	}
	if !filepath.IsLocal(options.Touch) {
		return fmt.Errorf("--touch %s: expected a path inside %s, relative to it", options.Touch, options.Dir)
	}
	if info, err := os.Stat(filepath.Join(options.Dir, options.Touch)); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("--touch %s: no such file in %s", options.Touch, options.Dir)
	}
	return nil
}

// hostForBuilder returns the registry's host as a builder reaches it. On Linux every builder shares the
// machine's network; elsewhere docker runs in a virtual machine with a special name for the machine.
func hostForBuilder(host string) string {
	if runtime.GOOS == "linux" {
		return host
	}
	return "host.docker.internal" + host[len("localhost"):]
}

// trial is the state of one try.
type trial struct {
	options Options
	context string
	host    string
	// change describes the change before the changed build.
	change string
}

// row is the result of one build.
type row struct {
	name   string
	report *report.Report
}

func (t *trial) builds(ctx context.Context) ([]row, error) {
	var rows []row
	run := func(name, mode string) error {
		r, err := t.build(ctx, name, mode)
		if err == nil {
			rows = append(rows, row{name, r})
		}
		return err
	}
	if err := run(Cold, variables.ModeRegistry); err != nil {
		return nil, err
	}
	if err := run(Unchanged, variables.ModeRegistry); err != nil {
		return nil, err
	}
	changed, err := t.touch(rows[0].report)
	if err != nil {
		return nil, err
	}
	if changed {
		if err := run(Changed, variables.ModeRegistry); err != nil {
			return nil, err
		}
	}
	return rows, run(NoCache, variables.ModeOff)
}

func (t *trial) build(ctx context.Context, name, mode string) (*report.Report, error) {
	fmt.Fprintf(t.options.Stderr, "\n=== %s\n", name)
	s := t.options.Settings
	s.Repository, s.Mode, s.Write, s.Refresh = t.host+"/layercache/cache", mode, true, false
	s.App, s.Branch, s.FallbackBranch = "try", "main", "main"
	args := []string{"--push", "--tag", t.host + "/layercache/image:try", "--file", t.options.Dockerfile}
	request := run.Request{
		Args:     append(append(args, t.options.BuildArgs...), t.context),
		Settings: s, Lookup: os.LookupEnv, Stdout: io.Discard, Stderr: t.options.Stderr,
		PlainHTTP: []string{t.host},
		// Removal in the background would slow the next build, which is measured too.
		AwaitRemoval: true,
	}
	r, err := run.Run(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("%s build: %w", name, err)
	}
	if err := r.Write(reportDir(s, name)); err != nil {
		return nil, err
	}
	r.Summary(t.options.Stderr)
	if r.ExitCode != 0 {
		return nil, Failed{Build: name, ExitCode: r.ExitCode}
	}
	return r, nil
}
