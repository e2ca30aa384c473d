// Package build runs one image build with its cache, from the settings to the report: it readies the builder and signs in
// to the registries side by side, hands the caller's arguments to buildx with ours added, and judges what came of it.
package build

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheflags"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/record"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/settings"
)

// Request is one build.
type Request struct {
	// Args are the arguments of `docker buildx build`.
	Args []string
	// Settings are the LAYERCACHE_* variables.
	Settings settings.Settings
	// Lookup reads the environment, in the form of os.LookupEnv.
	Lookup func(string) (string, bool)
	// PlainHTTP are registry hosts that do not speak TLS, beyond those on loopback.
	PlainHTTP []string
	// Dir is the working directory; empty means this process's.
	Dir string
	// AwaitRemoval has Run return only when the builder's files are gone. Else they may be removed for some seconds more, by a
	// process of its own.
	AwaitRemoval bool
	// Stdin goes to buildx, Stdout takes what it prints there, Stderr takes the progress and our own lines.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run builds, and returns the report. An error means that the build could not be tried at all; a build that fails is a report
// with an exit code. Nothing that goes wrong with the cache alone is either.
func Run(ctx context.Context, request Request) (*report.Report, error) {
	begin := time.Now()
	args := buildx.ParseArgs(request.Args)
	if err := refuse(request, args); err != nil {
		return nil, err
	}
	client, err := buildx.Find()
	if err != nil {
		return nil, err
	}
	cache, scope, err := cacheOf(ctx, request, args)
	if err != nil {
		return nil, err
	}
	inputs := make(chan record.Inputs, 1)
	go func() {
		if !cache.Remembers() {
			inputs <- record.Inputs{}
			return
		}
		inputs <- inputsOf(ctx, request, args)
	}()
	var memory *memory
	session, err := prepare(ctx, request, args, client, cache.Refs, func(keychain authn.Keychain) {
		memory = recall(ctx, cache, cacheTimeout(request.Settings), keychain, inputs)
	})
	if err != nil {
		return nil, err
	}
	defer session.close()
	setup := time.Since(begin)
	result, err := session.buildAndExport(ctx, request, args, cache, memory)
	if err != nil {
		return nil, err
	}
	seconds := report.Seconds{Setup: setup.Seconds() - session.loginWait.Seconds(), Login: session.loginWait.Seconds()}
	r := judge(request, session, result, memory, scope)
	session.finish(func() { memory.remember(ctx, scope, r, result.steps, result.export) })
	r.Warnings = append(session.warned(), r.Warnings...)
	seconds.Total = time.Since(begin).Seconds()
	appraise(r, begin, seconds, request.Settings.Prices, result, memory)
	return r, nil
}

// cacheOf picks the cache flags, none when the cache is off, and refuses a cache that is also an image.
func cacheOf(ctx context.Context, request Request, args buildx.Args) (cacheflags.Flags, cacheref.Scope, error) {
	s := request.Settings
	scope := cacheref.Scope{App: appName(s.App, args.Images(), request.Dir)}
	if s.Mode == settings.ModeOff || args.OnlyChecks {
		return cacheflags.Flags{}, scope, nil
	}
	scope.Platform = platformName(args.Platforms, request.Lookup)
	scope.Branch = settings.BranchOf(ctx, s, request.Lookup, request.Dir)
	flags, err := cacheflags.For(s, scope, args.Images(), request.Lookup)
	return flags, scope, err
}

// buildAndExport runs the build. Where it is given just what the cache was written from, the export is left out; should a step
// run all the same, the cache is exported after all.
func (s *session) buildAndExport(ctx context.Context, request Request, args buildx.Args, cache cacheflags.Flags, known *memory) (*result, error) {
	plan, leftOut := s.reachable(request, cache, known), false
	if plan.InRegistry && plan.To != "" && !request.Settings.Refresh {
		select {
		case <-known.complete:
			if known.nothingNew() {
				plan.To, leftOut = "", true
			}
		case <-time.After(patience):
		}
	}
	result, err := s.runDespiteCache(ctx, request, args, plan)
	if err != nil {
		return nil, err
	}
	<-known.complete
	s.noteUnreached(result, cache, known)
	switch {
	case !leftOut || result.exitCode != 0:
	case !slices.ContainsFunc(result.steps, func(step progress.Step) bool { return step.Ran && !step.IsFrom() }):
		result.unchanged = true
	case s.allowance.left() == 0:
		result.export = progress.Export{Attempted: true, Error: s.silence(progress.AwaitsExport)}
	default:
		begin := time.Now()
		result.export = s.exportOnly(ctx, request, args, cache)
		result.exportSeconds = time.Since(begin).Seconds()
	}
	return result, nil
}

// finish takes the builder away, and does the last work meanwhile.
func (s *session) finish(work func()) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.close()
	}()
	work()
	<-closed
}

// freshBuilder says that the builder was made for this build and held nothing before.
func (s *session) freshBuilder() bool {
	return s.builderKind == settings.BuilderNative || s.builderKind == settings.BuilderContainer
}

// ExitCode is the exit status that stands for an error of Run: 128 and the signal's number for a signal, else 1.
func ExitCode(err error) int {
	var stopped Stopped
	if errors.As(err, &stopped) {
		return stopped.ExitCode()
	}
	return 1
}

// stderrOf is where our own lines go.
func (r Request) stderrOf() io.Writer {
	if r.Stderr == nil {
		return os.Stderr
	}
	return r.Stderr
}
