// Command layercache builds container images with a durable layer cache in a registry, and says what the cache did.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/layercache/layercache/internal/build"
	"github.com/layercache/layercache/internal/builder"
	"github.com/layercache/layercache/internal/dockerconfig"
	"github.com/layercache/layercache/internal/report/escape"
)

func main() {
	leaveNoCore()
	if dockerconfig.IsHelper(os.Args[0]) {
		os.Exit(dockerconfig.Help(os.Args[1:], os.Stdin, os.Stdout))
	}
	if builder.IsDecompressor(os.Args[0]) {
		os.Exit(builder.Decompress(os.Stdin, os.Stdout, os.Stderr))
	}
	if builder.IsFirstProcess(os.Args[0]) {
		os.Exit(builder.FirstProcess(os.Args[1:], os.Stderr))
	}
	if builder.IsRuntime(os.Args[0]) {
		os.Exit(builder.Runtime(os.Args[1:], os.Stderr))
	}
	os.Exit(run())
}

// memoryTarget is the heap from which on memory is freed eagerly: the build needs it more. Most builds never get there.
const memoryTarget = 48 << 20

func run() int {
	debug.SetMemoryLimit(memoryTarget)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() { cancel(build.Stopped{Signal: <-signals}) }()

	err := newRoot().ExecuteContext(ctx)
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, escape.Lines("layercache: "+err.Error()))
		return build.ExitCode(err)
	}
	return 0
}

// exitStatus ends the program with a status and no further words.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
