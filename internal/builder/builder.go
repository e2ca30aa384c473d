// Package builder readies a BuildKit for one build and takes it away again.
//
// Three kinds exist. "native" is buildkitd as a plain process: nothing to pull, ready in a fraction of a second, needs Linux,
// root and runc. "container" is buildx's docker-container driver: needs a docker daemon that starts privileged containers.
// "docker" is the BuildKit inside the docker daemon: always there, but it can export a cache only with the containerd image
// store. "auto" takes the first of them that this machine can run.
package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/settings"
)

// Options say which builder is wanted.
type Options struct {
	// Kind is one of the settings.Builder… values.
	Kind string
	// Mirrors send pulls elsewhere first.
	Mirrors []settings.Mirror
	// PlainHTTP are registry hosts that do not speak TLS, beyond those on loopback.
	PlainHTTP []string
	// Buildx is the client that the builder is registered with.
	Buildx buildx.Client
	// Env is added to the environment of every call of Buildx; BUILDX_CONFIG should name a private folder.
	Env []string
}

// Builder is a BuildKit that accepts builds.
type Builder struct {
	// Kind is "native", "container" or "docker".
	Kind string
	// Name is what buildx knows it by.
	Name string
	// Reason says why it was taken, and why others were not.
	Reason string
	// Ready is the time from the start to the first moment that it would accept a build.
	Ready time.Duration
	// ExportsCache says whether it can export a registry cache.
	ExportsCache bool

	close func() error
}

// Close stops the builder and removes everything that it left on this machine. It may be called more than once.
func (b *Builder) Close() error {
	if b.close == nil {
		return nil
	}
	closing := b.close
	b.close = nil
	return closing()
}

type starter struct {
	kind  string
	start func(context.Context, Options) (*Builder, error)
}

var starters = []starter{
	{settings.BuilderNative, startNative},
	{settings.BuilderContainer, startContainer},
	{settings.BuilderDocker, startDocker},
}

// Start readies a builder of the wanted kind. With "auto" a kind that cannot run here gives way to the next, and the reason
// is kept in Builder.Reason. The caller closes the builder.
func Start(ctx context.Context, options Options) (*Builder, error) {
	begin := time.Now()
	var passed []error
	for _, candidate := range starters {
		if options.Kind != settings.BuilderAuto && options.Kind != candidate.kind {
			continue
		}
		b, err := candidate.start(ctx, options)
		if err == nil {
			b.Ready = time.Since(begin)
			b.Reason = reason(options.Kind, passed)
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		passed = append(passed, fmt.Errorf("%s builder: %w", candidate.kind, err))
	}
	return nil, fmt.Errorf("no builder can run here:\n%w", errors.Join(passed...))
}

func reason(kind string, passed []error) string {
	if kind != settings.BuilderAuto {
		return "LAYERCACHE_BUILDER=" + kind
	}
	if len(passed) == 0 {
		return "the fastest that this machine can run"
	}
	text := "not the "
	for i, err := range passed {
		if i > 0 {
			text += "; not the "
		}
		text += strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return text
}

// Describe writes the one line that says which builder was taken, why, and how long it took.
func (b *Builder) Describe(w io.Writer) {
	fmt.Fprintf(w, "layercache: %s builder ready in %.2f s (%s)\n", b.Kind, b.Ready.Seconds(), b.Reason)
}

// WantsBuildkitd says whether a builder of this kind could run here if only buildkitd were there.
func WantsBuildkitd(kind string) bool {
	if kind != settings.BuilderAuto && kind != settings.BuilderNative {
		return false
	}
	return lacksBuildkitd()
}
