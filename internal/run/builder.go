package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/variables"
)

// activeBuilder is the builder that a build runs on.
type activeBuilder struct {
	// started is the builder that was started for this build; nil where the caller named one with --builder.
	started *builder.Builder
	// name is what buildx knows it by; empty where the caller's arguments name it.
	name         string
	kind, reason string
	exportsCache bool
	// env tells buildx where it keeps its list of builders.
	env []string
	// mayBeStuck is true where a builder that others manage reads a cache that stopped responding.
	mayBeStuck bool
}

// builderOptions are what startBuilder needs to know.
type builderOptions struct {
	builder.Options
	// named is the builder that the caller's arguments name.
	named string
	// dir is a private folder.
	dir string
	// request writes the line about the builder.
	request Request
}

func (j *job) builderOptions() builderOptions {
	return builderOptions{
		Options: builder.Options{
			Kind: builderKind(j.Settings), Mirrors: j.Settings.Mirrors, Parallelism: j.Settings.Parallelism,
			PlainHTTP: j.PlainHTTP, Buildx: j.client, NoHistory: !readsHistory(j.args), S3: j.Settings.Mode == variables.ModeS3,
		},
		named: j.args.Builder, dir: j.dir, request: j.Request,
	}
}

// startBuilder readies a builder. One that the caller named is used as it is.
func startBuilder(ctx context.Context, options builderOptions) (activeBuilder, error) {
	if options.named != "" {
		return activeBuilder{kind: options.named, reason: "--builder", exportsCache: true, env: buildxFolder(buildx.ConfigDir())}, nil
	}
	options.Env = buildxFolder(filepath.Join(options.dir, "buildx"))
	b, err := builder.Start(ctx, options.Options)
	if err != nil {
		return activeBuilder{}, err
	}
	active := activeBuilder{started: b, name: b.Name, kind: b.Kind, reason: b.Reason, exportsCache: b.ExportsCache, env: options.Env}
	if b.Shared {
		active.env = buildxFolder(buildx.ConfigDir())
	}
	b.Describe(options.request.stderr())
	return active, nil
}

// buildxFolder tells buildx where it keeps its list of builders; otherwise it would be in the private Docker configuration.
func buildxFolder(dir string) []string {
	if dir == "" {
		return nil
	}
	return []string{"BUILDX_CONFIG=" + dir}
}

// readsHistory reports whether buildx copies the builder's history of the build into the caller's metadata file, as provenance.
func readsHistory(args buildx.Args) bool { return args.MetadataFile != "" }

// builderKind is the setting's. A cache that is left to docker's own builder needs that builder.
func builderKind(s variables.Settings) string {
	if s.Mode == variables.ModeLocal && s.LocalDir == "" && s.Builder == variables.BuilderAuto {
		return variables.BuilderDocker
	}
	return s.Builder
}

// isFresh reports whether the builder was made for this build and was empty before.
func (b activeBuilder) isFresh() bool {
	return b.kind == variables.BuilderNative || b.kind == variables.BuilderContainer
}

// isReplaceable reports whether another builder can be started in this one's place.
func (b activeBuilder) isReplaceable() bool { return b.started != nil && b.isFresh() }

func (b activeBuilder) waitRemoved() {
	if b.started != nil {
		_ = b.started.Wait()
	}
}

func (j *job) closeBuilder() {
	if j.builder.started == nil {
		return
	}
	if err := j.builder.started.Close(); err != nil {
		j.warn("the builder left something behind: %v", err)
	}
}

// replaceBuilder starts a new builder in place of one that cannot be used any more. A builder that others manage stays.
func (j *job) replaceBuilder(ctx context.Context) error {
	if !j.builder.isReplaceable() {
		return nil
	}
	j.builder.started.Kill()
	j.closeBuilder()
	j.builder = activeBuilder{}
	started, err := startBuilder(ctx, j.builderOptions())
	if err != nil {
		return errors.Join(stoppedBy(ctx), err)
	}
	j.builder = started
	return nil
}

// awaitsBuilder means that the builder does nothing at all. BuildKit cannot interrupt a cache import, and its only scheduler waits
// for it: after a cache stopped responding, no build makes progress there, with or without a cache. A builder of layercache's
// own is replaced; one that others manage is left.
//
// https://github.com/moby/buildkit/blob/v0.34.2/solver/llbsolver/bridge.go
const awaitsBuilder progress.Awaited = "builder"

// hasBegun reports whether the builder has done something for the build. A stuck scheduler starts no vertex; those of buildx itself
// do not count.
func hasBegun(graph *progress.Graph) bool {
	for _, node := range graph.Nodes() {
		ofBuildx := strings.HasPrefix(node.Name, "[internal] booting ") || strings.HasPrefix(node.Name, "[internal] waiting for ")
		if node.Started != nil && !ofBuildx {
			return true
		}
	}
	return false
}

// leaveBuilder starts a builder of layercache's own in place of a stuck one that others manage.
func (j *job) leaveBuilder(ctx context.Context) error {
	moved, leaves := j.args.OnAnyBuilder()
	if !leaves {
		return j.stuckError(errors.New("the image would stay in another builder: neither --push, --load nor --output is given"))
	}
	var problems []string
	for _, kind := range []string{variables.BuilderNative, variables.BuilderContainer} {
		options := j.builderOptions()
		options.Kind, options.named = kind, ""
		options.Env = buildxFolder(filepath.Join(j.dir, "buildx"))
		b, err := builder.Start(ctx, options.Options)
		if err != nil {
			if stopped := stoppedBy(ctx); stopped != nil {
				return stopped
			}
			problems = append(problems, strings.TrimPrefix(err.Error(), "no builder can run here:\n"))
			continue
		}
		b.Reason = "in place of " + j.builder.kind + ", which is stuck in a cache import"
		b.Describe(j.stderr())
		j.args = moved
		j.builder = activeBuilder{started: b, name: b.Name, kind: b.Kind, reason: b.Reason, exportsCache: b.ExportsCache, env: options.Env}
		return nil
	}
	return j.stuckError(errors.New(strings.Join(problems, "; ")))
}

// stuckError is the error of a build that cannot continue because no other builder can take over.
func (j *job) stuckError(err error) error {
	return fmt.Errorf("builder %s is stuck: its cache import stopped responding and BuildKit cannot cancel it; "+
		"no other builder can take over (%w): restart that builder, and set LAYERCACHE_MODE=off while the cache's registry does not answer", j.builder.kind, err)
}
