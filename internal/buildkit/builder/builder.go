// Package builder starts a BuildKit for one build and removes it afterwards, or joins one that builds of a job share.
//
// There are three kinds. "native" runs buildkitd as a plain process: it pulls no image, is ready in a
// fraction of a second, and needs Linux, root and runc. "container" is buildx's docker-container driver,
// which needs a docker daemon that can start privileged containers. "docker" is the BuildKit inside the
// docker daemon; it can export a cache only with the containerd image store. "auto" takes the first of them
// that this machine can run. If docker is on another machine (a docker server), "auto" uses that server's
// builder without changing it.
package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/variables"
)

// Options describe the wanted builder.
type Options struct {
	// Kind is one of the constants variables.Builder….
	Kind string
	// Mirrors are tried before the upstream registries.
	Mirrors []variables.Mirror
	// Parallelism is the number of steps that may run at a time; 0 means no limit. The docker builder has its
	// own limit.
	Parallelism int
	// NoHistory disables BuildKit's build history, which `docker buildx history` and the provenance in a
	// metadata file need.
	NoHistory bool
	// PlainHTTP are registry hosts without TLS. Hosts on loopback need not be listed.
	PlainHTTP []string
	// S3 passes the AWS configuration of this process to the native builder, for a cache in S3.
	S3 bool
	// Mounts returns the keeper of the cache mounts of a native builder; nil if they are not kept. temp is a private
	// folder of the builder.
	Mounts func(temp string) cachemount.Keeper
	// SharedByBuilds is true if several builds run on the builder. It then removes what they no longer use when the disk
	// is almost full.
	SharedByBuilds bool
	// Join returns a native builder that builds share, which is used instead of a new one. If it returns an error, a new
	// one is started. nil means that none is shared.
	Join func(context.Context, Options) (*Builder, error)
	// Buildx is the client that the builder is registered with; none if Path is empty.
	Buildx buildx.Client
	// Env is added to the environment of every call of Buildx. BUILDX_CONFIG should be a private folder.
	Env []string
}

// Builder is a BuildKit that accepts builds.
type Builder struct {
	// Kind is "native", "container" or "docker", or the driver of an existing buildx instance.
	Kind string
	// Name is the builder's name in buildx.
	Name string
	// Reason is why this builder was chosen and others were not.
	Reason string
	// Ready is how long it took until the builder accepted builds.
	Ready time.Duration
	// ExportsCache is true if the builder can export a registry cache.
	ExportsCache bool
	// Shared is true for an existing instance from the user's own buildx folder, buildx.ConfigDir.
	Shared bool

	// note is what the starter adds to Reason.
	note string
	// configured is true if the builder uses the buildkitd.toml of writeConfiguration.
	configured bool
	// process runs a native builder; nil for other builders.
	process *process
	// daemon tells where the process is; set if process is.
	daemon Daemon
	close  func() error
	// removed receives once, when the files of the closed builder are removed; nil if close itself removes
	// them.
	removed <-chan error
}

// Close stops the builder and starts to remove its files. Removing takes seconds after a large build and may
// continue after this process has ended. Close may be called more than once.
func (b *Builder) Close() error {
	if b.close == nil {
		return nil
	}
	closing := b.close
	b.close = nil
	return closing()
}

// Wait waits until the files of the closed builder are removed.
func (b *Builder) Wait() error {
	if b.removed == nil {
		return nil
	}
	removed := b.removed
	b.removed = nil
	return <-removed
}

// starter starts a builder of one kind. start returns nil and no error if there is nothing to start.
type starter struct {
	kind  string
	start func(context.Context, Options) (*Builder, error)
}

// dockerServer is the kind for a docker server, which only "auto" tries.
const dockerServer = "docker server's"

var starters = []starter{
	{dockerServer, startServer},
	{variables.BuilderNative, startNative},
	{variables.BuilderContainer, startContainer},
	{variables.BuilderDocker, startDocker},
}

// NoBuilderError is the error of Start if no builder of the wanted kind can run on this machine.
type NoBuilderError struct {
	// Reasons has one error for each kind of builder that was tried, such as "native builder: buildkitd needs
	// root".
	Reasons []error
}

func (e *NoBuilderError) Error() string {
	return "no builder can run here:\n" + errors.Join(e.Reasons...).Error()
}

// Unwrap returns the reasons for errors.Is and errors.As.
func (e *NoBuilderError) Unwrap() []error { return e.Reasons }

// Start starts a builder of the wanted kind. With "auto" it tries the kinds in order, and Builder.Reason has
// the reasons why earlier ones cannot run here. The error is a *NoBuilderError, or that of the context. The
// caller closes the builder.
func Start(ctx context.Context, options Options) (*Builder, error) {
	begin := time.Now()
	var failed []error
	for _, candidate := range starters {
		if options.Kind != variables.BuilderAuto && options.Kind != candidate.kind {
			continue
		}
		b, err := candidate.start(ctx, options)
		if b == nil && err == nil {
			continue
		}
		if err == nil {
			b.Ready = time.Since(begin)
			b.Reason = b.explainChoice(options, failed)
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed = append(failed, fmt.Errorf("%s builder: %w", candidate.kind, err))
	}
	return nil, &NoBuilderError{Reasons: failed}
}

// UsesMirrors reports whether the builder tries Options.Mirrors first.
func (b *Builder) UsesMirrors() bool { return b.configured }

// explainChoice returns why this builder was chosen, with the starter's note and the errors of the kinds
// tried before.
func (b *Builder) explainChoice(options Options, failed []error) string {
	var parts []string
	switch {
	case options.Kind != variables.BuilderAuto:
		parts = append(parts, "LAYERCACHE_BUILDER="+options.Kind)
	case len(failed) == 0 && b.configured:
		parts = append(parts, "the fastest that this machine can run")
	}
	for _, err := range failed {
		parts = append(parts, "cannot use the "+OneLine(err))
	}
	if b.note != "" {
		parts = append(parts, b.note)
	}
	if !b.configured && len(options.Mirrors) > 0 {
		parts = append(parts, "mirrors of base images are not used, because layercache cannot configure this builder")
	}
	return strings.Join(parts, "; ")
}

// joinNotes joins the notes that are not empty.
func joinNotes(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(note string) bool { return note == "" }), "; ")
}

// OneLine returns the text of the error on one line, and "" for nil.
func OneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// Describe writes one line with the kind of the builder, how long its start took, and why it was chosen.
func (b *Builder) Describe(w io.Writer) {
	fmt.Fprintf(w, "layercache: %s builder ready in %.2f s (%s)\n", b.Kind, b.Ready.Seconds(), b.Reason)
}

// LacksOnlyBuildkitd reports whether a native builder is allowed by this kind and could run here if buildkitd
// were installed.
func LacksOnlyBuildkitd(kind string) bool {
	if kind != variables.BuilderAuto && kind != variables.BuilderNative {
		return false
	}
	return lacksOnlyBuildkitd()
}
