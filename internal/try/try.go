// Package try measures, on one machine and with no account anywhere, what a registry cache would do for a Dockerfile: it
// builds it cold, unchanged and changed against a throw-away registry, each time on a fresh builder, and once without a
// cache for comparison.
package try

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/layercache/layercache/internal/registry"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/setup"
	"github.com/layercache/layercache/internal/variables"
)

// Options say what to try.
type Options struct {
	// Dir is the build context.
	Dir string
	// Dockerfile is its path; empty means Dockerfile in Dir.
	Dockerfile string
	// Touch is the file, relative to Dir, that is changed for the last build; empty means one that the Dockerfile copies late.
	Touch string
	// BuildArgs are further arguments of `docker buildx build`.
	BuildArgs []string
	// Settings give the builder, the mirrors and the report folder; the cache's own are set here.
	Settings variables.Settings
	// Stdout takes the result, Stderr the progress.
	Stdout, Stderr io.Writer
}

// The builds, in the order in which they run. The one without a cache comes last, when the machine is warmest, so that the
// comparison flatters nobody but it.
const (
	Cold      = "cold"
	Unchanged = "unchanged"
	Changed   = "changed"
	NoCache   = "no cache"
)

// Failed says that one of the builds failed, with its exit status.
type Failed struct {
	Build    string
	ExitCode int
}

func (f Failed) Error() string {
	return fmt.Sprintf("the %s build failed with exit status %d; its output is above", f.Build, f.ExitCode)
}

// Run tries the Dockerfile and writes the table and what it means. Whatever it started is gone when it returns.
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
	server, err := registry.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	t := &trial{options: options, context: copied, host: reachable(server.Host())}
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
		return fmt.Errorf("%s is not a folder: give the folder that holds the Dockerfile and what it copies", options.Dir)
	}
	if options.Dockerfile == "" {
		options.Dockerfile = filepath.Join(options.Dir, "Dockerfile")
	}
	if _, err := os.Stat(options.Dockerfile); err != nil {
		return fmt.Errorf("there is no %s: name the Dockerfile with --file", options.Dockerfile)
	}
	if options.Touch == "" {
		return nil
	}
	if !filepath.IsLocal(options.Touch) {
		return fmt.Errorf("--touch %s: give a path inside %s, relative to it", options.Touch, options.Dir)
	}
	if info, err := os.Stat(filepath.Join(options.Dir, options.Touch)); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("--touch %s: there is no such file in %s", options.Touch, options.Dir)
	}
	return nil
}

// reachable is the registry's name as a builder knows it: under Linux every builder shares the machine's network, elsewhere
// docker runs in a virtual machine that knows its host by a name.
func reachable(host string) string {
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
	// change says what was changed for the last build.
	change string
}

// row is one build's outcome.
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
		// The next build is measured as well.
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
