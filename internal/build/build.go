// Package build runs one image build with its cache, from the settings to the report: it readies the builder and signs in
// to the registries side by side, hands the caller's arguments to buildx with ours added, and judges what came of it.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheflags"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/settings"
	"github.com/layercache/layercache/internal/verdict"
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
	// Stdin goes to buildx, Stdout takes what it prints there, Stderr takes the progress and our own lines.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run builds, and returns the report. An error means that the build could not be tried at all; a build that fails is a report
// with an exit code. Nothing that goes wrong with the cache alone is either.
func Run(ctx context.Context, request Request) (*report.Report, error) {
	begin := time.Now()
	args := buildx.ParseArgs(request.Args)
	client, err := buildx.Find()
	if err != nil {
		return nil, err
	}
	cache, err := cacheOf(ctx, request, args)
	if err != nil {
		return nil, err
	}
	session, err := prepare(ctx, request, args, client, cache.Refs)
	if err != nil {
		return nil, err
	}
	defer session.close()

	states := make(chan map[string]cachestate.Kind, 1)
	go func() { states <- statesOf(ctx, cache, session.keychain) }()
	setup := time.Since(begin)
	result, err := session.run(ctx, request, args, cache)
	if err != nil {
		return nil, err
	}
	finished := report.Seconds{Setup: setup.Seconds() - session.loginWait.Seconds(), Login: session.loginWait.Seconds()}
	r := judge(request, args, cache.Refs, session, result, <-states)
	session.close()
	finished.Total = time.Since(begin).Seconds()
	addTiming(r, finished, result.graph.Timing())
	return r, nil
}

// cacheOf picks the cache flags, none when the cache is off, and refuses a cache that is also an image.
func cacheOf(ctx context.Context, request Request, args buildx.Args) (cacheflags.Flags, error) {
	s := request.Settings
	if s.Mode == settings.ModeOff || args.OnlyChecks {
		return cacheflags.Flags{}, nil
	}
	scope := cacheref.Scope{
		App:      appName(s.App, args.Images(), request.Dir),
		Platform: platformName(args.Platforms, request.Lookup),
		Branch:   settings.BranchOf(ctx, s, request.Lookup, request.Dir),
	}
	region, _ := request.Lookup("AWS_REGION")
	return cacheflags.For(s, scope, args.Images(), region)
}

// statesOf asks the registry what the refs hold, where it is a registry that has them.
func statesOf(ctx context.Context, cache cacheflags.Flags, keychain authn.Keychain) map[string]cachestate.Kind {
	if !cache.InRegistry {
		return nil
	}
	return cachestate.Of(ctx, cache.Refs.Imports, keychain)
}

// judge makes the report of what has been seen; the times are added when all is done.
func judge(request Request, args buildx.Args, refs cacheref.Refs, session *session, result *result, states map[string]cachestate.Kind) *report.Report {
	s := request.Settings
	steps := result.graph.Steps()
	v := verdict.Of(verdict.Evidence{
		On: len(refs.Imports) > 0, Refresh: s.Refresh, Failed: result.exitCode != 0, Refs: refs.Imports,
		Steps: steps, Imports: result.graph.Imports(), States: states,
	})
	r := &report.Report{
		Verdict: v.Name, VerdictReason: v.Reason, HitRatio: v.HitRatio,
		Steps: reportSteps(steps),
		App:   appName(s.App, args.Images(), request.Dir),
		Worth: "unknown", Reason: "what the cached steps take to run is not known",
		Builder: session.builderKind, BuilderReason: session.builderReason,
		Refs:     report.Refs{Imports: append([]string{}, refs.Imports...), Export: refs.Export},
		Image:    result.imageDigest,
		Warnings: append(append([]string{}, session.warnings...), v.Warnings...),
		ExitCode: result.exitCode,
	}
	r.Exported = "off"
	if export := result.graph.Export(); export.Error != "" {
		r.Exported = "failed"
		r.Warnings = append(r.Warnings, fmt.Sprintf("the cache could not be written to %s: %s", refs.Export, verdict.Cause(export.Error)))
	} else if export.Attempted {
		r.Exported = "yes"
	}
	return r
}

func reportSteps(steps []progress.Step) []report.Step {
	reported := []report.Step{}
	for _, step := range steps {
		if !step.Cached && !step.Ran {
			continue
		}
		reported = append(reported, report.Step{
			Stage: step.Stage, Platform: step.Platform, Instruction: step.Instruction, Cached: step.Cached, Seconds: step.Seconds, Error: step.Error,
		})
	}
	return reported
}

func addTiming(r *report.Report, s report.Seconds, timing progress.Timing) {
	s.Import, s.Build, s.Push, s.Export = timing.Import, timing.Build, timing.Push, timing.Export
	r.Seconds = s
	r.OverheadSeconds = s.Import + s.Export
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
