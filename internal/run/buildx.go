package run

import (
	"bytes"
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

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/display"
	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/variables"
)

const (
	// signalGrace is how long buildx may take to end after a signal before it is killed.
	signalGrace = 20 * time.Second
	// readGrace is the same for a buildx that only reads bake files. It does not end by itself while it waits for a pipe.
	readGrace = time.Second
	// defaultScanner is the image with which BuildKit creates an SBOM, unless --attest or --sbom names
	// another.
	defaultScanner = "docker/buildkit-syft-scanner"
)

// outcome is the result of one or more successive calls of buildx.
type outcome struct {
	// graph is the progress of the last call.
	graph      *progress.Graph
	steps      []progress.Step
	images     []string
	imports    []progress.Import
	timing     progress.Timing
	activities []progress.Activity
	exitCode   int
	// image is empty if the build has no image.
	image builtImage
	// frontend is the image that parsed the Dockerfile; empty if the builder's own frontend did.
	frontend string
	// stall is why layercache ended the call.
	stall stall
	// buildxError is the last error that buildx printed.
	buildxError string
	// export is the result of the cache's export, and exportSeconds is its duration if it was a separate
	// call.
	export        progress.Export
	exportSeconds float64
	// unchanged is true if there was nothing new to export.
	unchanged bool
	// originsUnknown is true if it is not known which cached steps the builder had from other builds of the job.
	originsUnknown bool
}

// builtImage is the digest of an image and the id that buildx prints for it: the digest of its config, or the index's own
// digest for an index.
type builtImage struct{ digest, id string }

// dropThrottledImports removes the imports that a registry throttled.
func (o *outcome) dropThrottledImports() {
	o.imports = slices.DeleteFunc(o.imports, func(attempt progress.Import) bool { return errortext.IsThrottled(attempt.Error) })
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
	again := func(attempt progress.Import) bool {
		return attempt.Error != "" && slices.Contains(earlier.imports, attempt)
	}
	o.imports = slices.Concat(earlier.imports, slices.DeleteFunc(o.imports, again))
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
func (b *build) call(ctx context.Context, plan cache.Flags) (outcome, error) {
	if b.args.OnlyChecks {
		return b.check(ctx)
	}
	args, err := b.withoutOutputs()
	if err != nil {
		return outcome{}, err
	}
	metadata := within(b.Dir, b.args.MetadataFile)
	arguments := b.arguments(plan)
	if b.args.MetadataFile == "" {
		metadata = filepath.Join(b.dir, "metadata.json")
		arguments = append(arguments, "--metadata-file", metadata)
	}
	stdout := b.Stdout
	if stdout != nil && !b.args.WritesToStdout() {
		text := display.NewText(stdout)
		defer text.Flush()
		stdout = text
	}
	cmd := b.command(ctx, append(arguments, b.withChosenOutput(args).WithImageForm(b.imageForm())...))
	cmd.Stdout = stdout
	graph := progress.NewGraph()
	code, stall, err := b.watchCall(ctx, cmd, b.mode, graph, nil)
	if err != nil {
		return outcome{}, err
	}
	ended := outcome{
		buildxError: cmd.buildxError,
		graph:       graph, steps: graph.Steps(), images: graph.Images(), imports: slices.Concat(graph.Imports(), cmd.locked), timing: graph.Timing(), activities: graph.Activities(),
		export: graph.Export(), exitCode: code, stall: stall,
		frontend: graph.Frontend(append(b.args.Scanners, defaultScanner)),
	}
	if code == 0 {
		ended.image = imageIn(readMetadataFile(metadata))
	}
	return ended, nil
}

// withChosenOutput returns the arguments with the output that the caller of Run chooses.
func (b *build) withChosenOutput(args buildx.Args) buildx.Args {
	if b.ChooseOutput == nil {
		return args
	}
	if output := b.ChooseOutput(b.destination()); output != "" {
		return args.SentTo(output)
	}
	return args.Loaded()
}

// destination returns what the caller may need to know to choose where the image goes.
func (b *build) destination() Destination {
	destination := Destination{Builder: b.builder.kind, Keychain: b.signIn.keychain}
	if b.flags.InRegistry {
		destination.Caches = slices.DeleteFunc(append([]string{b.flags.Refs.Export}, b.flags.Refs.Imports...), func(ref string) bool { return ref == "" })
	}
	return destination
}

// exportOnly repeats the build on the same builder, which has every step, and exports only the cache. It sets the export
// of the outcome, and adds its time and its activities.
func (b *build) exportOnly(ctx context.Context, reason string, built *outcome) {
	b.say("writing the cache after all, %s", reason)
	begin := time.Now()
	defer func() { built.exportSeconds += time.Since(begin).Seconds() }()
	args, err := b.withoutOutputs()
	if err != nil {
		built.export = progress.Export{Attempted: true, Error: err.Error()}
		return
	}
	// The builder has every step by now, also those of a build that was not to use the cache.
	arguments := slices.DeleteFunc(b.arguments(b.flags), func(argument string) bool { return argument == "--no-cache" })
	cmd := b.command(ctx, append(arguments, args.CacheOnly()...))
	cmd.Stdin = nil
	graph := progress.NewGraph()
	_, stall, err := b.watchCall(ctx, cmd, display.Quiet, graph, nil)
	built.export = b.lateExport(graph.Export(), stall, err)
	for _, activity := range graph.Activities() {
		if activity.Kind == progress.KindExport {
			built.activities = append(built.activities, activity)
		}
	}
}

// lateExport returns the result of an export, with why its call was ended.
func (b *build) lateExport(export progress.Export, ended stall, err error) progress.Export {
	switch {
	case ended.throttled != "":
		export.Attempted, export.Error = true, ended.throttled
	case ended.awaited != progress.AwaitsNothing:
		export.Attempted, export.Error = true, cmp.Or(ended.retriedError, errortext.NoAnswer)
	case err != nil && export.Error == "":
		export.Error = err.Error()
	}
	return export
}

// check passes a call that builds nothing on to buildx unchanged.
func (b *build) check(ctx context.Context) (outcome, error) {
	arguments := append([]string{"build"}, b.args.Display()...)
	if b.builder.name != "" {
		arguments = append(arguments, "--builder", b.builder.name)
	}
	code, err := b.passOn(ctx, append(arguments, b.args.Rest...))
	return outcome{graph: progress.NewGraph(), exitCode: code}, err
}

// passOn calls buildx with its own output, and returns its exit status.
func (b *build) passOn(ctx context.Context, arguments []string) (int, error) {
	cmd := b.command(ctx, arguments)
	defer cmd.interrupt(nil)
	cmd.Stdout, cmd.Stderr = b.Stdout, b.stderr()
	if stderr, ok := cmd.Stderr.(*display.JSON); ok {
		cmd.Stderr = stderr.Raw()
	}
	return exitCode(ctx, cmd.Run())
}

// watchCall runs buildx and shows its progress in the display mode. It returns the exit status, and why
// layercache ended the call, if it did. graph is the one that is shown. targets is nil unless the call is one of bake.
func (b *build) watchCall(ctx context.Context, cmd *call, mode display.Mode, graph *progress.Graph, targets *progress.Targets) (int, stall, error) {
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
	calling, ended := context.WithCancel(ctx)
	defer ended()
	w := &watch{
		budget: b.budget, interrupt: cmd.interrupt, waits: throttle.FromContext(ctx), builder: b.builder.started, graph: graph,
		mayBeStuck: b.builder.mayBeStuck, exporting: func() { b.mounts.save(context.WithoutCancel(ctx)) },
		ahead: func(instruction string) { b.mounts.prefetch(calling, instruction) },
	}
	if b.builder.member != nil {
		graph.SharedSince(b.begin)
		targets.SharedSince(b.begin)
	}
	shown := display.New(mode, b.stderr(), graph)
	handle := w.eventHandler(shown.Event)
	if targets != nil {
		handle = w.eventHandlerOfTargets(targets, shown.Event)
	}
	stopWatching := w.start()
	err = progress.Read(stream, handle, func(line []byte) {
		if !display.IsNoise(line) {
			cmd.note(line)
			shown.Text(line)
		}
	})
	stalled := stopWatching()
	shown.Close()
	if err != nil {
		_, _ = io.Copy(io.Discard, stream)
	}
	code, err := exitCode(ctx, cmd.Wait())
	w.waits.End() // BuildKit waits no longer.
	if stalled.awaited == progress.AwaitsNothing && stalled.throttled == "" || stoppedBy(ctx) != nil {
		return code, stalled, err
	}
	if cmd.ProcessState.Success() {
		return 0, stall{}, nil
	}
	return 1, stalled, nil
}

// arguments returns layercache's own arguments. The caller's follow them.
func (b *build) arguments(plan cache.Flags) []string {
	if b.builder.kind == variables.BuilderNative {
		plan = plan.BuilderSignsIn()
	}
	arguments := []string{"build", "--progress=rawjson"}
	if b.builder.name != "" {
		arguments = append(arguments, "--builder", b.builder.name)
	}
	for _, label := range b.labels {
		arguments = append(arguments, "--label="+label)
	}
	if b.Settings.Refresh {
		arguments = append(arguments, "--no-cache")
	} else if !b.args.NoCache {
		for _, from := range plan.From {
			arguments = append(arguments, "--cache-from", from)
		}
	}
	if to := b.exportFlag(plan); to != "" {
		arguments = append(arguments, "--cache-to", to)
	}
	return arguments
}

// imageForm returns the form of the image. docker's own builder cannot change times, because it unpacks every
// image, and of a builder that the caller named nothing is known.
func (b *build) imageForm() buildx.ImageForm {
	s := b.Settings
	return buildx.ImageForm{
		Compression: s.ImageCompression, Level: s.ImageLevel,
		OCIArtifact: s.Attestations == variables.AttestationsOCIArtifact, RewriteTimestamp: s.RewriteTimestamp && b.builder.isFresh(),
	}
}

// exportFlag returns the value of --cache-to. It is empty if there is nothing to export or the builder cannot
// export it.
func (b *build) exportFlag(plan cache.Flags) string {
	if b.builder.exportsCache || plan.To == cache.Inline {
		return plan.To
	}
	return ""
}

// call is a command that can be interrupted.
type call struct {
	*exec.Cmd
	interrupt context.CancelCauseFunc
	// buildxError is the last error that buildx printed.
	buildxError string
	// locked are the local caches that buildx did not read, because another build had them locked.
	locked []progress.Import
}

// note keeps what a line of buildx's output says about an error or a local cache.
func (c *call) note(line []byte) {
	if bytes.HasPrefix(line, []byte("ERROR: ")) {
		c.buildxError = string(bytes.TrimSpace(line))
	}
	if folder, why := errortext.UnreadLocked(string(bytes.TrimSpace(line))); folder != "" {
		c.locked = append(c.locked, progress.Import{Ref: folder, Error: why, Ended: true})
	}
}

// command returns a call of buildx that receives the signals that stop the build.
func (b *build) command(ctx context.Context, arguments []string) *call {
	ctx, interrupt := context.WithCancelCause(ctx)
	cmd := b.client.Command(ctx, append(slices.Clone(b.builder.env), b.env...), arguments...)
	cmd.Dir, cmd.Stdin = b.Dir, b.Stdin
	if b.stdin != nil {
		_, _ = b.stdin.Seek(0, io.SeekStart)
		cmd.Stdin = b.stdin
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
	return &call{Cmd: cmd, interrupt: interrupt}
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

// readMetadataFile returns the content of buildx's metadata file; nil if it cannot be read. A pipe is not read.
//
// https://github.com/docker/buildx/blob/v0.38.2/commands/build.go
func readMetadataFile(path string) []byte {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return content
}

// imageIn returns the image in the metadata of a build; the zero image if there is none.
func imageIn(content []byte) builtImage {
	var metadata struct {
		Digest string `json:"containerimage.digest"`
		Config string `json:"containerimage.config.digest"`
	}
	if json.Unmarshal(content, &metadata) != nil {
		return builtImage{}
	}
	return builtImage{metadata.Digest, cmp.Or(metadata.Config, metadata.Digest)}
}
