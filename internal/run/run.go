// Package run runs one image build with its cache, in three steps. open starts the builder, signs in to the
// registries and queries the caches. execute calls buildx, and repeats the call if the cache or the builder
// made it fail. assess returns the report.
package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

// Request is one build.
type Request struct {
	// Args are the arguments of `docker buildx build`.
	Args []string
	// Settings are the LAYERCACHE_* variables.
	Settings variables.Settings
	// LookupEnv reads the environment, in the form of os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// PlainHTTP are registry hosts without TLS. Hosts on loopback need not be listed.
	PlainHTTP []string
	// Dir is the working directory; empty means this process's.
	Dir string
	// HideCredentials keeps the variables that lead to the build's AWS credentials from buildx, because a bake file of the
	// source could hand them to a step. buildx needs them only for a cache in S3.
	HideCredentials bool
	// StartJobBuilder starts the builder that the builds of the job share if none is running. Without it, a build uses one
	// that is running, or starts one if LAYERCACHE_JOB is set.
	StartJobBuilder bool
	// AwaitRemoval makes Run and Bake wait until the builder's files are removed, which is not part of the build's time.
	// Otherwise a separate process may still remove them for some seconds.
	AwaitRemoval bool
	// ChooseOutput chooses where the image goes instead of the outputs in Args, once the builder is known: it returns a
	// value of --output, or "" to load the image into docker. If it is nil, the outputs in Args hold.
	ChooseOutput func(Destination) string
	// PlaceTarget is ChooseOutput for each target that Bake builds.
	PlaceTarget func(PlacedTarget, Destination) (Placement, error)
	// BakeFiles are the files that the bake file on the standard input was made of. They tell caches apart.
	BakeFiles []string
	// Stdin and Stdout are passed to buildx. Stderr gets the progress and layercache's lines.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Destination is what the caller of Run may need to know to choose where the image goes.
type Destination struct {
	// Builder is the kind of builder.
	Builder string
	// Caches are the refs that the build reads and writes, in a registry.
	Caches []string
	// Keychain has the sign-ins of the build.
	Keychain authn.Keychain
}

// PlacedTarget is a target of a bake file.
type PlacedTarget struct {
	Name string
	Tags []string
	// Args are the arguments of `docker buildx build` that build it.
	Args buildx.Args
	// Loads is true if the image would be loaded into docker.
	Loads bool
}

// Placement is where the image of a target goes, and where its base images are.
type Placement struct {
	// Image is the name to which the image is pushed if the target Loads; "" loads it.
	Image string
	// Contexts are values of --build-context, by name.
	Contexts map[string]string
}

// Run builds and returns the report. An error means that the build could not start or continue. A build that
// failed is a report with an exit code. Problems with the cache are warnings in the report.
func Run(ctx context.Context, request Request) (*report.Report, error) {
	waits := &throttle.Waits{Say: request.say}
	ctx = throttle.NewContext(ctx, waits)
	b, err := open(ctx, request)
	if err != nil {
		return nil, err
	}
	defer b.awaitRemoval()
	defer b.close()
	defer b.stopReading()
	built, err := b.execute(ctx)
	if err != nil {
		return nil, err
	}
	time.AfterFunc(inputsGrace(time.Since(b.begin)), b.stopReading)
	beforeMounts := time.Now()
	mounts := b.mounts.finish(ctx)
	mountSave := time.Since(beforeMounts)
	histories := b.mounts.histories(mounts)
	export := b.exportStatus(built)
	b.traceSteps(tracedBuild{b.args, b.query.wait().inputs, &built})
	saved, finish := b.closeAnd(func() savedRecord {
		missed := make(chan []string, 1)
		go func() { missed <- b.missedMirrors(ctx, built) }()
		saved := b.saveRecord(ctx, built, export, histories)
		saved.warnings = append(saved.warnings, <-missed...)
		return saved
	})
	b.rememberOutputs()
	return assess(facts{
		build: b, caches: b.query.wait(), outcome: built, export: export, mounts: mounts, mountSave: mountSave, histories: histories, saved: saved,
		finish: finish, throttled: waits.Total(), total: time.Since(b.begin), stopped: stoppedBy(ctx) != nil,
	}), nil
}

// say writes a line of layercache to the log.
func (r Request) say(format string, args ...any) {
	fmt.Fprintf(r.stderr(), "layercache: "+format+"\n", args...)
}

// stderr returns Stderr, or this process's standard error if it is nil.
func (r Request) stderr() io.Writer {
	if r.Stderr == nil {
		return os.Stderr
	}
	return r.Stderr
}

// Stopped is the cause of a context that was cancelled because of a signal.
type Stopped struct{ Signal os.Signal }

func (s Stopped) Error() string { return fmt.Sprintf("stopped by signal: %v", s.Signal) }

// ExitCode returns 128 plus the signal's number, like a shell.
func (s Stopped) ExitCode() int {
	if number, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}

// ExitCode returns the exit status for an error of Run.
func ExitCode(err error) int {
	var stopped Stopped
	if errors.As(err, &stopped) {
		return stopped.ExitCode()
	}
	var readErr ReadError
	if errors.As(err, &readErr) {
		return readErr.Status
	}
	return 1
}

// stoppedBy returns Stopped if a signal cancelled the context, nil otherwise.
func stoppedBy(ctx context.Context) error {
	var stopped Stopped
	if errors.As(context.Cause(ctx), &stopped) {
		return stopped
	}
	return nil
}

// orStopped returns the signal that stopped the build, which caused err, or err if none did.
func orStopped(ctx context.Context, err error) error {
	return cmp.Or(stoppedBy(ctx), err)
}
