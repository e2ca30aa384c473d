// Command layercache builds container images with a durable layer cache in a registry, and reports what the
// cache did.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/docker"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/run"
)

func main() {
	disableCoreFiles()
	if dockerconfig.IsHelper(os.Args[0]) {
		os.Exit(dockerconfig.ServeCredentials(os.Args[1:], os.Stdin, os.Stdout))
	}
	if builder.IsFirstProcess(os.Args[0]) {
		os.Exit(builder.FirstProcess(os.Args[1:], os.Stderr))
	}
	if builder.IsRuntime(os.Args[0]) {
		os.Exit(builder.Runtime(os.Args[1:], os.Stderr))
	}
	if jobbuilder.IsKeeper(os.Args[0]) {
		os.Exit(jobbuilder.Keep(os.Stdin, os.Stdout))
	}
	os.Exit(execute())
}

// memoryTarget is the memory in bytes above which Go's garbage collector works harder, to leave memory to the
// build. Most builds stay below it.
const memoryTarget = 48 << 20

func execute() int {
	debug.SetMemoryLimit(memoryTarget)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, terminating...)
	go func() { cancel(run.Stopped{Signal: <-signals}) }()

	root := newRoot()
	if docker.IsName(os.Args[0]) {
		root.SetArgs(append([]string{"docker"}, os.Args[1:]...))
	}
	err := root.ExecuteContext(ctx)
	if err != nil && !docker.IsName(os.Args[0]) {
		err = cmp.Or(unknownCommand(root, os.Args[1:]), err)
	}
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	if err != nil {
		printError(os.Stderr, err)
		return run.ExitCode(err)
	}
	return 0
}

func printError(stderr io.Writer, err error) {
	fmt.Fprintln(stderr, escape.Lines("layercache: "+err.Error()))
}

// terminating are the signals that end a Go program and can be handled. On any of them a build stops its
// builder and removes its sign-ins.
var terminating = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT}

// ignoreClosedOutput lets the program continue after the reader of its output has gone, as in `layercache
// build . 2>&1 | head -1`. Otherwise it would end in the middle of a build. Programs that it starts are not
// affected.
func ignoreClosedOutput() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// endingAtOnce makes a command that has nothing to clean up end at once on a signal, also while it waits for a file or
// for the standard input.
func endingAtOnce(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ended := make(chan error, 1)
		go func() { ended <- run(cmd, args) }()
		select {
		case err := <-ended:
			return err
		case <-cmd.Context().Done():
			return context.Cause(cmd.Context())
		}
	}
}

// exitStatus ends the program with this status, without a message.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
