// Package try measures what a registry cache would do for a Dockerfile or a bake file, on one machine and without an AWS
// account. It builds it cold, unchanged, with a changed source and with a changed dependency with a temporary
// registry, each time on a fresh builder, and once without a cache for comparison.
package try

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/layercache/layercache/internal/buildkit/bake"
	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/buildkit/setup"
	"github.com/layercache/layercache/internal/outputs"
	"github.com/layercache/layercache/internal/registry/throwaway"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/session"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/variables"
)

// Options are the options of Run.
type Options struct {
	// Dir is the build context.
	Dir string
	// Dockerfile is the path of the Dockerfile; empty means Dockerfile in Dir.
	Dockerfile string
	// Bake is the path of a bake or Compose file, relative to Dir, whose targets are built; empty means one Dockerfile.
	Bake string
	// Touch is the source file to change, relative to Dir; empty means a file that the Dockerfile copies late. Dependency
	// is the file to change that lists dependencies; empty means the first that the Dockerfile copies.
	Touch, Dependency string
	// Offline takes the base images from this machine.
	Offline bool
	// BuildArgs are further arguments of `docker buildx build`, or of bake.
	BuildArgs []string
	// Settings set the builder, the mirrors and the report folder. Settings of the cache are overridden.
	Settings variables.Settings
	// Stdout receives the result, Stderr the progress.
	Stdout, Stderr io.Writer
}

// The builds, in the order in which they run. The one without a cache runs last, when the machine's own
// caches are warm: if the order favours any build, it is that one.
const (
	Cold              = "cold"
	Unchanged         = "unchanged"
	ChangedSource     = "changed source"
	ChangedDependency = "changed dependency"
	NoCache           = "no cache"
)

// names are the names of all builds.
var names = []string{Cold, Unchanged, ChangedSource, ChangedDependency, NoCache}

// Failed is the error for a build that failed, with its exit status and, if known, the reason.
type Failed struct {
	Build    string
	ExitCode int
	Reason   string
}

func (f Failed) Error() string {
	text := fmt.Sprintf("the %s build failed with exit status %d", f.Build, f.ExitCode)
	if f.Reason != "" {
		text += ": " + f.Reason
	}
	return text + "; its output is above"
}

// Run runs the builds and writes a table and a conclusion. It stops everything that it started before it
// returns.
func Run(ctx context.Context, options Options) (err error) {
	if err := check(&options); err != nil {
		return err
	}
	if err := setup.Tools(ctx, options.Settings.Builder, options.Stderr); err != nil {
		return err
	}
	private, err := session.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, private.Remove()) }()
	copied, own, err := copyOf(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(copied)) }()
	server, err := throwaway.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	t := &trial{
		options: options, private: private.Path, context: copied, own: own, dockerfile: options.Dockerfile,
		registry: server.Host(), host: hostForBuilder(server.Host()),
	}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	for _, name := range names {
		if err := report.Clear(reportDir(options.Settings, name)); err != nil {
			return err
		}
	}
	rows, err := t.builds(ctx)
	if err != nil {
		return err
	}
	if options.Bake != "" {
		return presentBake(options, rows, t.changes)
	}
	if err := present(options.Stdout, rows, t.changes); err != nil {
		return err
	}
	return presentAdvice(options.Stdout, options)
}

// copyOf copies what is built. own are the files of layercache in the copy.
func copyOf(options Options) (copied string, own []string, err error) {
	if options.Bake == "" {
		return copyWithoutOutputs(options)
	}
	copied, err = copyAll(options.Dir, earlierReports(options.Settings))
	return copied, nil, err
}

// earlierReports returns the absolute paths of the reports that an earlier try has left, which are no part of what is built.
func earlierReports(s variables.Settings) []string {
	var files []string
	for _, name := range names {
		for _, file := range report.FilesIn(reportDir(s, name)) {
			if path, err := filepath.Abs(file); err == nil {
				files = append(files, path)
			}
		}
	}
	return files
}

// prepare reads the targets of a bake file, and provides base images from this machine if that is asked for.
func (t *trial) prepare(ctx context.Context) error {
	if t.options.Bake == "" {
		if t.options.Offline {
			return t.useLocalImages(ctx)
		}
		return nil
	}
	if err := t.readTargets(ctx); err != nil || !t.options.Offline {
		return err
	}
	return t.useImagesOfTargets(ctx)
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
	if options.Bake != "" {
		return checkBake(options)
	}
	if options.Dockerfile == "" {
		options.Dockerfile = filepath.Join(options.Dir, "Dockerfile")
	}
	options.Dockerfile = source.Dockerfile(options.Dockerfile)
	if info, err := os.Stat(options.Dockerfile); err != nil {
		return fmt.Errorf("%s does not exist: set the path of the Dockerfile with --file, or of a bake or Compose file with --bake", options.Dockerfile)
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file, and each of the builds reads it: set the path of the Dockerfile with --file", options.Dockerfile)
	}
	return errors.Join(checkFile("--touch", options.Touch, options.Dir), checkFile("--dependency", options.Dependency, options.Dir))
}

// checkFile checks the value of a flag that names a file in dir. It may be empty.
func checkFile(flag, file, dir string) error {
	if file == "" {
		return nil
	}
	if !filepath.IsLocal(file) {
		return fmt.Errorf("%s %s: expected a path inside %s, relative to it", flag, file, dir)
	}
	if info, err := os.Stat(filepath.Join(dir, file)); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s %s: no such file in %s", flag, file, dir)
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
	// private is a folder for files of the trial. context is the copy of the build context, and own are the files of
	// layercache in it. dockerfile is the Dockerfile that the builds read.
	private, context, dockerfile string
	own                          []string
	// localImages has the result of useLocalImage for each image.
	localImages map[string]error
	// targets are the targets of the bake file, by name.
	targets []bake.Target
	// registry is the temporary registry as this program reaches it, host as the builder does.
	registry, host string
	// changes describe the change before each of the changed builds, in order.
	changes []string
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
	for _, change := range t.plannedChanges() {
		changed, err := t.change(change, rows[0])
		if err != nil {
			return nil, err
		}
		if changed {
			if err := run(change.build, variables.ModeRegistry); err != nil {
				return nil, err
			}
		}
	}
	return rows, run(NoCache, variables.ModeOff)
}

func (t *trial) build(ctx context.Context, name, mode string) (*report.Report, error) {
	fmt.Fprintf(t.options.Stderr, "\n=== %s\n", name)
	s := t.options.Settings
	s.Repository, s.Mode, s.Write, s.Refresh = t.host+"/layercache/cache", mode, true, false
	s.Job = jobbuilder.Off
	s.App, s.Branch, s.FallbackBranch = "try", "main", "main"
	request := run.Request{
		Settings: s, LookupEnv: os.LookupEnv, Stdout: io.Discard, Stderr: t.options.Stderr,
		PlainHTTP: []string{t.host},
		// Removal in the background, as in a real build, would slow the next build, which is measured too.
		AwaitRemoval: true,
	}
	call := run.Run
	if t.options.Bake == "" {
		args := []string{"--push", "--tag", t.host + "/layercache/image:try", "--file", t.dockerfile}
		request.Args = append(append(args, t.options.BuildArgs...), t.context)
	} else {
		call, request.Args, request.Dir = run.Bake, t.bakeArgs(), t.context
	}
	r, err := call(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("%s build: %w", name, err)
	}
	if err := r.Write(reportDir(s, name)); err != nil {
		return nil, err
	}
	outputs.Remember(report.FilesIn(reportDir(s, name))...)
	r.Summary(t.options.Stderr)
	if r.ExitCode != 0 {
		return nil, Failed{Build: name, ExitCode: r.ExitCode, Reason: t.reason(r)}
	}
	return r, nil
}

// reason returns why a build failed.
func (t *trial) reason(r *report.Report) string {
	for _, target := range r.Targets {
		if target.Failure != nil {
			return target.Target + ": " + t.reason(target)
		}
	}
	if r.Failure == nil {
		return ""
	}
	reason := r.Failure.Reason
	if r.Failure.Kind == report.FailurePull && !t.options.Offline {
		reason += "; with --offline, images that this machine has are used instead"
	}
	return reason
}
