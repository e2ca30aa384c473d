// Package builder readies a BuildKit for one build and takes it away again.
//
// Three kinds exist. "native" is buildkitd as a plain process: nothing to pull, ready in a fraction of a second, needs Linux,
// root and runc. "container" is buildx's docker-container driver: needs a docker daemon that starts privileged containers.
// "docker" is the BuildKit inside the docker daemon: always there, but it can export a cache only with the containerd image
// store. "auto" takes the first of them that this machine can run, unless docker is on another machine: the builder of a
// docker server is used as it is.
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
	"github.com/layercache/layercache/internal/variables"
)

// Options say which builder is wanted.
type Options struct {
	// Kind is one of the variables.Builder… values.
	Kind string
	// Mirrors send pulls elsewhere first.
	Mirrors []variables.Mirror
	// Parallelism is how many steps run at once; 0 means as many as BuildKit likes. The docker builder has its own limit.
	Parallelism int
	// NoHistory says that nobody will ask what was built: `docker buildx history` does, and the provenance in a metadata file.
	NoHistory bool
	// PlainHTTP are registry hosts that do not speak TLS, beyond those on loopback.
	PlainHTTP []string
	// S3 gives the native builder the AWS configuration of this process, for a cache in S3.
	S3 bool
	// Buildx is the client that the builder is registered with.
	Buildx buildx.Client
	// Env is added to the environment of every call of Buildx; BUILDX_CONFIG should name a private folder.
	Env []string
}

// Builder is a BuildKit that accepts builds.
type Builder struct {
	// Kind is "native", "container" or "docker", or the driver of an instance that is used as it is.
	Kind string
	// Name is what buildx knows it by.
	Name string
	// Reason says why it was taken, and why others were not.
	Reason string
	// Ready is the time from the start to the first moment that it would accept a build.
	Ready time.Duration
	// ExportsCache says whether it can export a registry cache.
	ExportsCache bool
	// Shared says that it is an instance of the user's own buildx folder, buildx.ConfigDir.
	Shared bool

	// reason is what the starter has to say of it.
	reason string
	// configured says that our configuration is in force.
	configured bool
	// process is nil where the builder is no child of this process.
	process *process
	close   func() error
	// removed tells, after close, that the builder's files are gone; nil where close itself removes them.
	removed <-chan error
}

// Close stops the builder and has everything that it left on this machine removed. That takes seconds after a large build, and
// may go on after this process has ended. It may be called more than once.
func (b *Builder) Close() error {
	if b.close == nil {
		return nil
	}
	closing := b.close
	b.close = nil
	return closing()
}

// Wait returns when everything that the closed builder left is gone.
func (b *Builder) Wait() error {
	if b.removed == nil {
		return nil
	}
	removed := b.removed
	b.removed = nil
	return <-removed
}

// starter starts a builder of one kind, or none when there is nothing to start.
type starter struct {
	kind  string
	start func(context.Context, Options) (*Builder, error)
}

// server stands for a docker server, which only "auto" looks for.
const server = "docker server's"

var starters = []starter{
	{server, startServer},
	{variables.BuilderNative, startNative},
	{variables.BuilderContainer, startContainer},
	{variables.BuilderDocker, startDocker},
}

// Start readies a builder of the wanted kind. With "auto" a kind that cannot run here gives way to the next, and the reason
// is kept in Builder.Reason. The caller closes the builder.
func Start(ctx context.Context, options Options) (*Builder, error) {
	begin := time.Now()
	var passed []error
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
			b.Reason = b.reasonOf(options, passed)
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		passed = append(passed, fmt.Errorf("%s builder: %w", candidate.kind, err))
	}
	return nil, fmt.Errorf("no builder can run here:\n%w", errors.Join(passed...))
}

// reasonOf joins why this kind was taken with what the starter has to say.
func (b *Builder) reasonOf(options Options, passed []error) string {
	var parts []string
	switch {
	case options.Kind != variables.BuilderAuto:
		parts = append(parts, "LAYERCACHE_BUILDER="+options.Kind)
	case len(passed) == 0 && b.configured:
		parts = append(parts, "the fastest that this machine can run")
	}
	for _, err := range passed {
		parts = append(parts, "not the "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if b.reason != "" {
		parts = append(parts, b.reason)
	}
	if !b.configured && len(options.Mirrors) > 0 {
		parts = append(parts, "base images come from their upstream, because its configuration is not ours to set mirrors in")
	}
	return strings.Join(parts, "; ")
}

// remarks joins what a starter has to say of its builder.
func remarks(said ...string) string {
	return strings.Join(slices.DeleteFunc(said, func(remark string) bool { return remark == "" }), "; ")
}

// text is the error's, on one line; empty without one.
func text(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// Describe writes the one line that says which builder was taken, why, and how long it took.
func (b *Builder) Describe(w io.Writer) {
	fmt.Fprintf(w, "layercache: %s builder ready in %.2f s (%s)\n", b.Kind, b.Ready.Seconds(), b.Reason)
}

// WantsBuildkitd says whether a builder of this kind could run here if only buildkitd were there.
func WantsBuildkitd(kind string) bool {
	if kind != variables.BuilderAuto && kind != variables.BuilderNative {
		return false
	}
	return lacksBuildkitd()
}
