// Package run runs one image build with its cache, in three steps. open starts the builder, signs in to the
// registries and queries the caches. execute calls buildx, and repeats the call if the cache or the builder
// made it fail. assess returns the report.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

// Request is one build.
type Request struct {
	// Args are the arguments of `docker buildx build`.
	Args []string
	// Settings are the LAYERCACHE_* variables.
	Settings variables.Settings
	// Lookup reads the environment, in the form of os.LookupEnv.
	Lookup func(string) (string, bool)
	// PlainHTTP are registry hosts without TLS. Hosts on loopback need not be listed.
	PlainHTTP []string
	// Dir is the working directory; empty means this process's.
	Dir string
	// AwaitRemoval makes Run wait until the builder's files are removed. Otherwise a separate process may
	// still remove them for some seconds.
	AwaitRemoval bool
	// Stdin and Stdout are those of buildx. Stderr gets the progress and layercache's lines.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run builds and returns the report. An error means that the build could not start or continue. A build that
// failed is a report with an exit code. Problems with the cache are warnings in the report.
func Run(ctx context.Context, request Request) (*report.Report, error) {
	j, err := open(ctx, request)
	if err != nil {
		return nil, err
	}
	defer j.close()
	built, err := j.execute(ctx)
	if err != nil {
		return nil, err
	}
	export := j.exportResult(built)
	saved := j.closeAnd(func() savedRecord { return j.saveRecord(ctx, built, export) })
	return assess(facts{
		job: j, caches: j.lookup.wait(), outcome: built, export: export, saved: saved, total: time.Since(j.begin),
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
