package run

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
	"slices"
	"syscall"
	"time"

	"github.com/layercache/layercache/internal/buildkit/display"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/variables"
)

const (
	// signalGrace is how long buildx may take to end after a signal before it is killed.
	signalGrace = 20 * time.Second
	// defaultScanner is the image with which BuildKit creates an SBOM, unless --attest or --sbom names
	// another.
	defaultScanner = "docker/buildkit-syft-scanner"
)

// outcome is the result of one or more successive calls of buildx.
type outcome struct {
	// graph is that of the last call.
	graph       *progress.Graph
	steps       []progress.Step
	imports     []progress.Import
	timing      progress.Timing
	activities  []progress.Activity
	exitCode    int
	imageDigest string
	// frontend is the image that parsed the Dockerfile; empty if the builder's own frontend did.
	frontend string
	// stall is why layercache ended the call.
	stall stall
	// export is the result of the cache's export, and exportSeconds is its duration if it was a separate
	// call.
	export        progress.Export
	exportSeconds float64
	// unchanged is true if there was nothing new to export.
	unchanged bool
}

// add adds the outcome of an earlier call. Steps that ran in it are cached in this one by the builder, and
// count as run.
func (o *outcome) add(earlier outcome) {
	for i, step := range o.steps {
		index := slices.IndexFunc(earlier.steps, func(other progress.Step) bool { return other.Ran && other.Error == "" && step.SameAs(other) })
		if index >= 0 && step.Cached {
			ran := earlier.steps[index]
			o.steps[i].Cached, o.steps[i].Ran, o.steps[i].Seconds, o.steps[i].Start = false, true, ran.Seconds, ran.Start
		}
	}
	o.imports = slices.Concat(earlier.imports, o.imports)
	o.timing.Import += earlier.timing.Import
	o.timing.Build += earlier.timing.Build
	o.timing.Push += earlier.timing.Push
	o.timing.Export += earlier.timing.Export
	o.activities = slices.Concat(earlier.activities, o.activities)
	if !o.export.Attempted {
		o.export = earlier.export
	}
	o.frontend = cmp.Or(o.frontend, earlier.frontend)
}

// call calls buildx and shows its progress until it ends.
func (j *job) call(ctx context.Context, plan cache.Flags) (outcome, error) {
	if j.args.OnlyChecks {
		return j.check(ctx)
	}
	metadata := j.args.MetadataFile
	arguments := j.arguments(plan)
	if metadata == "" {
		metadata = filepath.Join(j.dir, "metadata.json")
		arguments = append(arguments, "--metadata-file", metadata)
	}
	stdout := j.Stdout
	if stdout != nil && !j.args.WritesToStdout() {
		text := display.NewText(stdout)
		defer text.Flush()
		stdout = text
	}
	cmd := j.command(ctx, append(arguments, j.args.Rest...))
	cmd.Stdout = stdout
	graph := progress.NewGraph()
	code, stall, err := j.watchCall(ctx, cmd, j.args.Progress, graph)
	if err != nil {
		return outcome{}, err
	}
	ended := outcome{
		graph: graph, steps: graph.Steps(), imports: graph.Imports(), timing: graph.Timing(), activities: graph.Activities(),
		export: graph.Export(), exitCode: code, stall: stall, imageDigest: digestFrom(metadata),
		frontend: graph.Frontend(append(j.args.Scanners, defaultScanner)),
	}
	if j.args.Progress == "quiet" && ended.imageDigest != "" {
		fmt.Fprintln(j.Stdout, ended.imageDigest)
	}
	return ended, nil
}

// exportOnly repeats the build on the same builder, which has every step, and exports only the cache.
func (j *job) exportOnly(ctx context.Context) progress.Export {
	j.say("writing the cache after all, because a step had to run")
	cmd := j.command(ctx, append(j.arguments(j.flags), j.args.CacheOnly()...))
	cmd.Stdin = nil
	graph := progress.NewGraph()
	_, stall, err := j.watchCall(ctx, cmd, "quiet", graph)
	export := graph.Export()
	switch {
	case stall.waitedFor != progress.AwaitsNothing:
		export.Attempted, export.Error = true, cmp.Or(stall.complaint, j.noAnswer(stall.waitedFor))
	case err != nil && export.Error == "":
		export.Error = err.Error()
	}
	return export
}

// check passes a call that builds nothing on to buildx unchanged.
func (j *job) check(ctx context.Context) (outcome, error) {
	cmd := j.command(ctx, append([]string{"build", "--builder", j.builder.name}, j.args.Rest...))
	defer cmd.interrupt(nil)
	cmd.Stdout, cmd.Stderr = j.Stdout, j.stderr()
	code, err := exitCode(ctx, cmd.Run())
	return outcome{graph: progress.NewGraph(), exitCode: code}, err
}

// watchCall runs buildx and shows its progress in the display mode. It returns the exit status, and why
// layercache ended the call, if it did.
func (j *job) watchCall(ctx context.Context, cmd *call, mode string, graph *progress.Graph) (int, stall, error) {
	stream, stderr, err := progress.NewPipe()
	if err != nil {
		return 1, stall{}, err
	}
	defer stream.Close()
	defer cmd.interrupt(nil)
	cmd.Stderr = stderr
	err = cmd.Start()
	_ = stderr.Close()
	if err != nil {
		return 1, stall{}, errors.Join(stoppedBy(ctx), fmt.Errorf("start %s: %w", cmd.Path, err))
	}
	w := &watch{budget: j.budget, interrupt: cmd.interrupt, builder: j.builder.started, graph: graph, mayBeStuck: j.builder.mayBeStuck}
	stopWatching := w.start()
	shown := display.New(mode, j.stderr(), graph)
	err = progress.Read(stream, w.observe(shown.Event), shown.Text)
	stalled := stopWatching()
	shown.Close()
	if err != nil {
		_, _ = io.Copy(io.Discard, stream)
	}
	code, err := exitCode(ctx, cmd.Wait())
	if stalled.waitedFor == progress.AwaitsNothing || stoppedBy(ctx) != nil {
		return code, stalled, err
	}
	if cmd.ProcessState.Success() {
		return 0, stall{}, nil
	}
	return 1, stalled, nil
}

// arguments returns layercache's own arguments. The caller's follow them.
func (j *job) arguments(plan cache.Flags) []string {
	if j.builder.kind == variables.BuilderNative {
		plan = plan.BuilderSignsIn()
	}
	arguments := []string{"build", "--progress=rawjson"}
	if j.builder.name != "" {
		arguments = append(arguments, "--builder", j.builder.name)
	}
	for _, label := range j.labels {
		arguments = append(arguments, "--label="+label)
	}
	if j.Settings.Refresh {
		arguments = append(arguments, "--no-cache")
	} else {
		for _, from := range plan.From {
			arguments = append(arguments, "--cache-from", from)
		}
	}
	if to := j.exportFlag(plan); to != "" {
		arguments = append(arguments, "--cache-to", to)
	}
	return arguments
}

// exportFlag returns the value of --cache-to. It is empty if there is nothing to export or the builder cannot
// export it.
func (j *job) exportFlag(plan cache.Flags) string {
	if j.builder.exportsCache || plan.To == cache.Inline {
		return plan.To
	}
	return ""
}

// call is a command that can be interrupted.
type call struct {
	*exec.Cmd
	interrupt context.CancelCauseFunc
}

// command returns a call of buildx that receives the signals that stop the build.
func (j *job) command(ctx context.Context, arguments []string) *call {
	ctx, interrupt := context.WithCancelCause(ctx)
	cmd := j.client.Command(ctx, append(slices.Clone(j.builder.env), j.env...), arguments...)
	cmd.Dir, cmd.Stdin = j.Dir, j.Stdin
	if j.stdin != nil {
		_, _ = j.stdin.Seek(0, io.SeekStart)
		cmd.Stdin = j.stdin
	}
	cmd.SysProcAttr = ownGroup()
	cmd.WaitDelay = signalGrace
	cmd.Cancel = func() error {
		// buildx ends a build properly on these two signals only.
		var stopped Stopped
		if errors.As(context.Cause(ctx), &stopped) && stopped.Signal != os.Interrupt {
			return cmd.Process.Signal(syscall.SIGTERM)
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	return &call{cmd, interrupt}
}

// exitCode returns buildx's exit status, or that of the signal which stopped the build.
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

// digestFrom returns the image's digest from buildx's metadata file, or "".
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
