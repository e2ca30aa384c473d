package build

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheflags"
	"github.com/layercache/layercache/internal/display"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/settings"
)

// graceAfterSignal is how long buildx may take to end the build after a signal before it is killed.
const graceAfterSignal = 20 * time.Second

// Stopped is the cause of a context that a signal cancelled.
type Stopped struct{ Signal os.Signal }

func (s Stopped) Error() string { return fmt.Sprintf("stopped by signal: %v", s.Signal) }

// ExitCode is the shell's convention for a program that a signal ended.
func (s Stopped) ExitCode() int {
	if number, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}

func stoppedBy(ctx context.Context) error {
	var stopped Stopped
	if errors.As(context.Cause(ctx), &stopped) {
		return stopped
	}
	return nil
}

// result is what buildx left, of one call or of several that follow on each other.
type result struct {
	// graph is the last call's.
	graph       *progress.Graph
	steps       []progress.Step
	imports     []progress.Import
	timing      progress.Timing
	activities  []progress.Activity
	exitCode    int
	imageDigest string
	// stall is what the call was ended for.
	stall stall
	// export is what became of the cache's export, exportSeconds how long it took where it was a call of its own.
	export        progress.Export
	exportSeconds float64
	// unchanged says that there was nothing new to export.
	unchanged bool
}

// run calls buildx and shows its progress until it ends.
func (s *session) run(ctx context.Context, request Request, args buildx.Args, cache cacheflags.Flags) (*result, error) {
	if args.OnlyChecks {
		return s.check(ctx, request, args)
	}
	metadata := args.MetadataFile
	arguments := s.arguments(request, cache)
	if metadata == "" {
		metadata = filepath.Join(s.dir, "metadata.json")
		arguments = append(arguments, "--metadata-file", metadata)
	}
	graph := progress.NewGraph()
	code, watch, err := s.follow(ctx, request, append(arguments, args.Rest...), args.Progress, graph)
	if err != nil {
		return nil, err
	}
	r := &result{
		graph: graph, steps: graph.Steps(), imports: graph.Imports(), timing: graph.Timing(), activities: graph.Activities(),
		export: graph.Export(), exitCode: code, stall: watch.stall, imageDigest: digestFrom(metadata),
	}
	if args.Progress == "quiet" && r.imageDigest != "" {
		fmt.Fprintln(request.Stdout, r.imageDigest)
	}
	return r, nil
}

// exportOnly does the build again on the same builder, which has it all, for the cache alone.
func (s *session) exportOnly(ctx context.Context, request Request, args buildx.Args, cache cacheflags.Flags) progress.Export {
	fmt.Fprintln(request.stderrOf(), "layercache: a step had to run after all: writing the cache")
	graph := progress.NewGraph()
	request.Stdin, request.Stdout = nil, nil
	_, watch, err := s.follow(ctx, request, append(s.arguments(request, cache), args.CacheOnly()...), "quiet", graph)
	export := graph.Export()
	switch {
	case watch != nil && watch.awaited != progress.AwaitsNothing:
		export.Attempted, export.Error = true, cmp.Or(watch.complaint, s.silence(watch.awaited))
	case err != nil && export.Error == "":
		export.Error = err.Error()
	}
	return export
}

// follow runs buildx, shows its progress until it ends, and returns its exit status, and the watch that may have ended it.
func (s *session) follow(ctx context.Context, request Request, arguments []string, mode string, graph *progress.Graph) (int, *watch, error) {
	ctx, interrupt := context.WithCancelCause(ctx)
	defer interrupt(nil)
	cmd := s.command(ctx, request, arguments)
	stream, err := cmd.StderrPipe()
	if err != nil {
		return 1, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 1, nil, errors.Join(stoppedBy(ctx), fmt.Errorf("start %s: %w", cmd.Path, err))
	}
	watch := &watch{allowance: s.allowance, interrupt: interrupt, builder: s.builder, graph: graph, mayBeHeld: s.mayBeHeld}
	end := watch.over()
	shown := display.New(mode, request.stderrOf(), graph)
	err = progress.Read(stream, watch.observe(shown.Event), shown.Text)
	end()
	shown.Close()
	if err != nil {
		_, _ = io.Copy(io.Discard, stream)
	}
	code, err := exitCode(ctx, cmd.Wait())
	if watch.awaited == progress.AwaitsNothing || stoppedBy(ctx) != nil {
		return code, watch, err
	}
	if cmd.ProcessState.Success() {
		watch.stall = stall{}
		return 0, watch, nil
	}
	return 1, watch, nil
}

// check hands a call that builds nothing to buildx as it is.
func (s *session) check(ctx context.Context, request Request, args buildx.Args) (*result, error) {
	cmd := s.command(ctx, request, append([]string{"build", "--builder", s.builderName}, args.Rest...))
	cmd.Stderr = request.stderrOf()
	code, err := exitCode(ctx, cmd.Run())
	return &result{graph: progress.NewGraph(), exitCode: code}, err
}

// arguments are ours; the caller's come after them.
func (s *session) arguments(request Request, cache cacheflags.Flags) []string {
	if s.builderKind == settings.BuilderNative {
		cache = cache.BuilderSignsIn()
	}
	arguments := []string{"build", "--progress=rawjson"}
	if s.builderName != "" {
		arguments = append(arguments, "--builder", s.builderName)
	}
	if request.Settings.Refresh {
		arguments = append(arguments, "--no-cache")
	} else {
		for _, from := range cache.From {
			arguments = append(arguments, "--cache-from", from)
		}
	}
	if to := s.exportFlag(cache); to != "" {
		arguments = append(arguments, "--cache-to", to)
	}
	return arguments
}

// exportFlag is the value of --cache-to; empty where nothing is to be exported or the builder cannot.
func (s *session) exportFlag(cache cacheflags.Flags) string {
	if s.exportsCache || cache.To == cacheflags.Inline {
		return cache.To
	}
	return ""
}

// command is a call of buildx that gets a signal of ours passed on.
func (s *session) command(ctx context.Context, request Request, arguments []string) *exec.Cmd {
	cmd := s.client.Command(ctx, s.env, arguments...)
	cmd.Dir, cmd.Stdin, cmd.Stdout = request.Dir, request.Stdin, request.Stdout
	if s.stdin != nil {
		_, _ = s.stdin.Seek(0, io.SeekStart)
		cmd.Stdin = s.stdin
	}
	cmd.SysProcAttr = ownGroup()
	cmd.WaitDelay = graceAfterSignal
	cmd.Cancel = func() error {
		var stopped Stopped
		if errors.As(context.Cause(ctx), &stopped) {
			return cmd.Process.Signal(stopped.Signal)
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	return cmd
}

// exitCode is buildx's own; a build that a signal of ours ended has the signal's.
func exitCode(ctx context.Context, err error) (int, error) {
	if err == nil {
		return 0, nil
	}
	if stopped := stoppedBy(ctx); stopped != nil {
		return ExitCode(stopped), nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 1, fmt.Errorf("run buildx: %w", err)
}

// digestFrom reads the image's digest from buildx's metadata file, where there is one.
func digestFrom(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var metadata struct {
		Digest string `json:"containerimage.digest"`
	}
	if json.Unmarshal(content, &metadata) != nil {
		return ""
	}
	return metadata.Digest
}
