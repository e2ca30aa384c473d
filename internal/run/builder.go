package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/variables"
)

// activeBuilder is the builder that a build runs on.
type activeBuilder struct {
	// started is the builder that was started for this build; nil if the caller named one with --builder.
	started *builder.Builder
	// member is the membership in the builder of the job; nil for a builder of this build alone.
	member *jobbuilder.Member
	// name is its name in buildx; empty if the caller's arguments name it.
	name         string
	kind, reason string
	exportsCache bool
	// env sets the folder of buildx's list of builders.
	env []string
	// mayBeStuck is true if the builder was not started by layercache and is importing a cache that stopped
	// responding.
	mayBeStuck bool
}

// builderOptions are the options of startBuilder.
type builderOptions struct {
	builder.Options
	// named is the builder in the caller's arguments.
	named string
	// shared describes the builder of the job; nil if the build has its own. mayHaveCacheMounts is true if its steps
	// may have cache mounts.
	shared             *jobbuilder.Config
	mayHaveCacheMounts bool
	// dir is a private folder.
	dir string
	// request has the output for the line about the builder.
	request Request
}

func (b *build) builderOptions() builderOptions {
	options := builderOptions{
		Options: builder.Options{
			Kind: builderKind(b.Settings), Mirrors: b.Settings.Mirrors, Parallelism: b.Settings.Parallelism,
			PlainHTTP: b.PlainHTTP, Buildx: b.client, NoHistory: !readsHistory(b.args), S3: b.Settings.Mode == variables.ModeS3,
		},
		named: b.args.Builder, dir: b.dir, request: b.Request, shared: b.jobBuilder(),
	}
	if options.shared != nil && b.mounts != nil {
		options.mayHaveCacheMounts = mayHaveCacheMounts(b.Request, b.args)
	}
	if b.mounts != nil {
		options.Mounts = b.mounts.newKeeper
	}
	return options
}

// startBuilder starts a builder, or returns the one that the caller named.
func startBuilder(ctx context.Context, options builderOptions) (activeBuilder, error) {
	if options.named != "" {
		return activeBuilder{kind: options.named, reason: "--builder", exportsCache: true, env: buildxFolder(buildx.ConfigDir())}, nil
	}
	options.Env = buildxFolder(filepath.Join(options.dir, "buildx"))
	var member *jobbuilder.Member
	if options.shared != nil {
		options.Join = func(ctx context.Context, own builder.Options) (*builder.Builder, error) {
			joined, err := joinJob(ctx, *options.shared, own, options.mayHaveCacheMounts)
			if err != nil {
				return nil, err
			}
			member = joined
			return joined.Builder, nil
		}
	}
	b, err := builder.Start(ctx, options.Options)
	if err != nil {
		return activeBuilder{}, err
	}
	active := activeBuilder{started: b, member: member, name: b.Name, kind: b.Kind, reason: b.Reason, exportsCache: b.ExportsCache, env: options.Env}
	if b.Shared {
		active.env = buildxFolder(buildx.ConfigDir())
	}
	b.Describe(options.request.stderr())
	return active, nil
}

// builderStart is the start of a builder in the background.
type builderStart struct {
	done    chan struct{}
	builder activeBuilder
	// ended is when the start ended.
	ended time.Time
	err   error
}

// startBuilderInBackground starts the builder, and returns at once.
func (b *build) startBuilderInBackground(ctx context.Context) *builderStart {
	start := &builderStart{done: make(chan struct{})}
	go func() {
		defer close(start.done)
		start.builder, start.err = startBuilder(ctx, b.builderOptions())
		start.ended = time.Now()
	}()
	return start
}

// wait returns the builder and when its start ended.
func (s *builderStart) wait() (activeBuilder, time.Time, error) {
	<-s.done
	return s.builder, s.ended, s.err
}

// buildxFolder returns the variable with the folder of buildx's list of builders. Without it buildx would use
// the private Docker configuration.
func buildxFolder(dir string) []string {
	if dir == "" {
		return nil
	}
	return []string{"BUILDX_CONFIG=" + dir}
}

// readsHistory reports whether buildx writes provenance from the builder's history to the caller's metadata
// file.
func readsHistory(args buildx.Args) bool { return args.MetadataFile != "" }

// builderKind returns the kind of builder in the settings. LAYERCACHE_MODE=local without a folder uses the
// cache inside Docker's own builder, and so needs that builder.
func builderKind(s variables.Settings) string {
	if s.Mode == variables.ModeLocal && s.LocalDir == "" && s.Builder == variables.BuilderAuto {
		return variables.BuilderDocker
	}
	return s.Builder
}

// isFresh reports whether the builder was created by layercache and started empty, perhaps for an earlier build of the
// job.
func (b activeBuilder) isFresh() bool {
	return b.kind == variables.BuilderNative || b.kind == variables.BuilderContainer
}

// failure returns why the builder's process ended, in words.
func (b activeBuilder) failure() string { return fmt.Sprint(b.started.Failure()) }

// isReplaceable reports whether layercache can replace the builder by a new one.
func (b activeBuilder) isReplaceable() bool { return b.started != nil && b.isFresh() }

func (b activeBuilder) waitRemoved() {
	if b.started != nil {
		_ = b.started.Wait()
	}
}

func (b *build) closeBuilder() {
	if b.builder.started == nil {
		return
	}
	if err := b.builder.started.Close(); err != nil {
		b.warn("the builder could not be removed completely, so some of its files take up disk space: remove them once the build has ended: %v", err)
	}
}

// replaceBuilder replaces a builder that became unusable by a new one. It keeps a builder that layercache did
// not create.
func (b *build) replaceBuilder(ctx context.Context) error {
	if !b.builder.isReplaceable() {
		return nil
	}
	b.builder.started.Kill()
	b.closeBuilder()
	b.builder = activeBuilder{}
	started, err := startBuilder(ctx, b.builderOptions())
	if err != nil {
		return orStopped(ctx, err)
	}
	b.builder = started
	b.declareSteps()
	return nil
}

// awaitsBuilder means that the builder does nothing at all. BuildKit cannot cancel a cache import, and its
// only scheduler waits for it. After a cache stopped responding, no build makes progress on that builder,
// with or without a cache. layercache replaces such a builder if it created it, and otherwise moves the build
// to another one.
//
// https://github.com/moby/buildkit/blob/v0.34.2/solver/llbsolver/bridge.go
const awaitsBuilder progress.Awaited = "builder"

// hasBegun reports whether the builder has started a vertex of the build, which a stuck scheduler does not.
// The vertices of buildx itself do not count.
func hasBegun(graph *progress.Graph) bool {
	for _, node := range graph.Nodes() {
		ofBuildx := strings.HasPrefix(node.Name, "[internal] booting ") || strings.HasPrefix(node.Name, "[internal] waiting for ")
		if node.Started != nil && !ofBuildx {
			return true
		}
	}
	return false
}

// leaveBuilder starts a new builder instead of a stuck one that layercache did not create.
func (b *build) leaveBuilder(ctx context.Context) error {
	moved, leaves := b.args.OnAnyBuilder()
	if !leaves {
		return b.stuckError(errors.New("the image would stay in the other builder, because neither --push, --load nor --output is set"))
	}
	var problems []error
	for _, kind := range []string{variables.BuilderNative, variables.BuilderContainer} {
		options := b.builderOptions()
		options.Kind, options.named = kind, ""
		options.Env = buildxFolder(filepath.Join(b.dir, "buildx"))
		started, err := builder.Start(ctx, options.Options)
		if err != nil {
			if stopped := stoppedBy(ctx); stopped != nil {
				return stopped
			}
			problems = append(problems, reasons(err)...)
			continue
		}
		started.Reason = "because " + b.builder.kind + " is stuck in a cache import"
		started.Describe(b.stderr())
		b.args = moved
		b.builder = activeBuilder{started: started, name: started.Name, kind: started.Kind, reason: started.Reason, exportsCache: started.ExportsCache, env: options.Env}
		return nil
	}
	return b.stuckError(errors.New(builder.OneLine(errors.Join(problems...))))
}

// reasons returns why each kind of builder cannot run here, or the error itself.
func reasons(err error) []error {
	var noBuilder *builder.NoBuilderError
	if errors.As(err, &noBuilder) {
		return noBuilder.Reasons
	}
	return []error{err}
}

// stuckError is the error of a build that cannot continue because no other builder can take over.
func (b *build) stuckError(err error) error {
	return fmt.Errorf("builder %s is stuck: its cache import stopped responding and BuildKit cannot cancel it; "+
		"no other builder can take over (%w): restart that builder, and set LAYERCACHE_MODE=off while the cache's registry does not answer", b.builder.kind, err)
}
