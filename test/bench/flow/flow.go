// Package flow has the ways to build an image with a cache that the benchmark sets side by side: today's published ones, by
// hand, and layercache. Each runs real programs, on an empty builder and an empty dockerd.
package flow

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Flow is one way to build.
type Flow struct {
	// Key names it on the command line.
	Key string
	// Name and Note say what it is, for people.
	Name, Note string
	// Dockerd says that it needs a docker daemon, and the docker command.
	Dockerd bool
	// Frontend says that the daemon's own Dockerfile parser is used, which may not know COPY --link.
	Frontend bool
	// ready is what a build finds on its machine: nothing of it is timed.
	ready func(context.Context, *run) error
	// timed is the build.
	timed func(context.Context, *run) error
}

// Build is one build.
type Build struct {
	// Dir is for whatever the build keeps; it is empty before and removed after.
	Dir string
	// Context is the application's folder.
	Context string
	// Image is the image's repository, HOST/NAME, Tag its tag.
	Image, Tag string
	// Cache is the cache's repository, for flows that keep one apart from the image.
	Cache string
	// Branch is what is built, for layercache.
	Branch string
	// Env are further variables of the programs.
	Env []string
	// Command makes the programs' calls; nil makes plain ones.
	Command func(ctx context.Context, program string, args ...string) *exec.Cmd
	// Log takes what the programs print.
	Log io.Writer
}

// Result is what came of a build.
type Result struct {
	// Seconds is from the first command's start to the last one's end.
	Seconds float64
	// Parts are the seconds of a builder's start ("boot"), of the cache's import and of its export, where the flow has them.
	Parts map[string]float64
	// Verdict is layercache's, StepsRun the number of steps that were not cached (FROM left out), by its report.
	Verdict  string
	StepsRun int
	// PeakBytes is the most memory that the helper's own process had.
	PeakBytes int64
}

// The flows, by their keys.
const (
	None        = "none"
	Pull        = "pull"
	PullClassic = "pull-classic"
	Walkthrough = "walkthrough"
	OwnTag      = "walkthrough-own-tag"
	Peer        = "peer"
	ByHandGzip  = "by-hand-gzip"
	ByHand      = "by-hand"
	Layercache  = "layercache"
)

// What the notes of several flows say.
const (
	replaced = "; the container driver is replaced by the remote driver and a buildkitd that is started by hand, whose start is counted"
	running  = ", on a buildkitd that runs already"
	images   = " Image and cache are in one repository."
)

// All are the flows in the order of the tables.
func All() []Flow {
	return []Flow{
		{Key: None, Name: "no cache", ready: startBuildkitd, timed: buildNone,
			Note: "`buildx build --push`" + running + "."},
		{Key: Pull, Name: "pull, `--cache-from`, inline cache", Dockerd: true, Frontend: true, ready: startDockerd, timed: buildPull,
			Note: "`docker pull`, `docker build --cache-from IMAGE --build-arg BUILDKIT_INLINE_CACHE=1`, `docker push`, with the BuildKit in dockerd."},
		{Key: PullClassic, Name: "pull, `--cache-from`, classic builder", Dockerd: true, Frontend: true, ready: startDockerd, timed: buildClassic,
			Note: "the same with `DOCKER_BUILDKIT=0`, as AWS's article of 2020 has it."},
		{Key: Walkthrough, Name: "published walkthrough, as it is", Dockerd: true, ready: startDockerd, timed: buildWalkthrough,
			Note: "`docker buildx create`, `docker build --cache-from IMAGE --cache-to IMAGE`, loaded into dockerd, `docker push`: image and cache " +
				"have one tag" + replaced + "."},
		{Key: OwnTag, Name: "walkthrough, cache tag of its own", Dockerd: true, ready: startDockerd, timed: buildOwnTag,
			Note: "the walkthrough with `ref=REPOSITORY:cache,mode=max`." + images},
		{Key: Peer, Name: "CDK peer's command line", ready: nothing, timed: buildPeer,
			Note: "`docker buildx create`, `docker buildx build --push` with `ref=REPOSITORY:cache,mode=max,image-manifest=true`" +
				replaced + "." + images},
		{Key: ByHandGzip, Name: "by hand, registry cache, gzip", ready: startBuildkitd, timed: buildGzip,
			Note: "`buildx build --push` with `mode=max,image-manifest=true,oci-mediatypes=true`" + running + "."},
		{Key: ByHand, Name: "by hand, layercache's flags", ready: startBuildkitd, timed: buildByHand,
			Note: "the same with `compression=zstd,compression-level=1,ignore-error=true`: the floor."},
		{Key: Layercache, Name: "layercache", ready: packed, timed: buildLayercache,
			Note: "`layercache build --push`, out of the zip that a CodeBuild build downloads, from the helper's start to its exit: the " +
				"unpacking and the start of its builder, verdict and reports are counted. The builder's files are removed by a process that " +
				"outlives the helper; the next build waits for it."},
	}
}

// Named finds a flow by its key.
func Named(key string) (Flow, error) {
	for _, f := range All() {
		if f.Key == key {
			return f, nil
		}
	}
	return Flow{}, fmt.Errorf("bench: no flow is called %q", key)
}

// Run builds once: what the flow needs is started afresh before and stopped after, neither of which is timed.
func (f Flow) Run(ctx context.Context, m *Machine, b Build) (Result, error) {
	r, err := newRun(m, b)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	if err := f.ready(ctx, r); err != nil {
		return Result{}, fmt.Errorf("bench: ready flow %s: %w", f.Key, err)
	}
	settle()
	begin := time.Now()
	if err := f.timed(ctx, r); err != nil {
		return Result{}, fmt.Errorf("bench: flow %s: %w", f.Key, err)
	}
	r.result.Seconds = time.Since(begin).Seconds()
	if r.afterwards != nil {
		err = r.afterwards()
	}
	return r.result, err
}

func nothing(context.Context, *run) error { return nil }
