// Package run runs one image build with its cache, in three steps. open readies the builder, signs in to the registries and asks
// them what the caches hold. execute calls buildx, and calls it again where the cache or the builder made the build fail. assess
// fills in the report.
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
	// PlainHTTP are registry hosts that do not speak TLS. Those on loopback need not be listed.
	PlainHTTP []string
	// Dir is the working directory; empty means this process's.
	Dir string
	// AwaitRemoval makes Run return only when the builder's files are removed. Otherwise a process of its own may remove them for
	// some more seconds.
	AwaitRemoval bool
	// Stdin goes to buildx, Stdout gets what it prints there, Stderr gets the progress and layercache's own lines.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run builds and returns the report. An error means that the build could not be started or not be continued; a build that fails
// is a report with an exit code. Trouble with the cache alone is a warning in the report.
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

// say writes a line of layercache's own to the log.
func (r Request) say(format string, args ...any) {
	fmt.Fprintf(r.stderr(), "layercache: "+format+"\n", args...)
}

// stderr is where the progress and layercache's own lines go.
func (r Request) stderr() io.Writer {
	if r.Stderr == nil {
		return os.Stderr
	}
	return r.Stderr
}

// Stopped is the cause of a context that a signal cancelled.
type Stopped struct{ Signal os.Signal }

func (s Stopped) Error() string { return fmt.Sprintf("stopped by signal: %v", s.Signal) }

// ExitCode is 128 and the signal's number, as shells have it.
func (s Stopped) ExitCode() int {
	if number, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}

// ExitCode is the exit status for an error of Run.
func ExitCode(err error) int {
	var stopped Stopped
	if errors.As(err, &stopped) {
		return stopped.ExitCode()
	}
	return 1
}

// stoppedBy returns the signal that cancelled the context, as an error; nil where none did.
func stoppedBy(ctx context.Context) error {
	var stopped Stopped
	if errors.As(context.Cause(ctx), &stopped) {
		return stopped
	}
	return nil
}
