// Package flow has the ways to build an image with a cache that the benchmark compares: published ones,
// builds by hand, and layercache. Each runs real programs, on an empty builder and an empty dockerd.
package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Flow is one way to build.
type Flow struct {
	// Key is the name on the command line.
	Key string
	// Name and Note are the title and the description in the tables and on the page.
	Name, Note string
	// Classic reports whether docker's classic builder is used, which does not support COPY --link.
	Classic bool
	// Unmounted reports whether the Dockerfile is built without its cache mounts.
	Unmounted bool
	// Warm reports whether the builder has built the application's first revision before.
	Warm bool
	// ready prepares the machine; it is not measured.
	ready func(context.Context, *run) error
	// timed is the measured build.
	timed func(context.Context, *run) error
}

// Build is one build.
type Build struct {
	// Dir is for the files of the build; it is empty before and removed afterwards.
	Dir string
	// Context is the application's folder.
	Context string
	// Image is the image's repository, HOST/NAME, Tag its tag.
	Image, Tag string
	// Cache is the cache's repository, for flows that keep one apart from the image.
	Cache string
	// Small is an image with a shell.
	Small string
	// Advance changes the context to what is to be built, once the flow is ready; nil if it is that already.
	Advance func() error
	// Branch is the value of LAYERCACHE_BRANCH.
	Branch string
	// Env are additional environment variables of the programs.
	Env []string
	// Command creates the programs' commands; nil means exec.CommandContext.
	Command func(ctx context.Context, program string, args ...string) *exec.Cmd
	// Log receives the output of the programs.
	Log io.Writer
}

// Result is the result of a build.
type Result struct {
	// Seconds is the time from the start of the first command to the end of the last.
	Seconds float64
	// Parts are the seconds of the builder's start ("boot"), of the cache's import and of its export, where
	// the flow has them.
	Parts map[string]float64
	// Verdict is layercache's verdict; StepsRun is the number of steps that were not cached, without FROM.
	Verdict  string
	StepsRun int
	// PeakBytes is the peak memory of the helper's own process.
	PeakBytes int64
}

// The keys of the flows.
const (
	None        = "none"
	Pull        = "pull"
	PullClassic = "pull-classic"
	Walkthrough = "walkthrough"
	OwnTag      = "walkthrough-own-tag"
	Peer        = "peer"
	Compose     = "compose"
	OurPull     = "pull-docker"
	OurOwnTag   = "walkthrough-docker"
	OurCompose  = "compose-docker"
	ByHandGzip  = "by-hand-gzip"
	ByHand      = "by-hand"
	Layercache  = "layercache"
	MountsOff   = "mounts-off"
	NoMounts    = "no-mounts"
	Copied      = "mounts-copied"
	Living      = "living"
)

// Texts that the notes of several flows share.
const (
	replaced = "; with the remote driver and a buildkitd started by hand instead of the container driver. Its start is counted"
	running  = ", on a buildkitd that is already running"
	images   = " Image and cache are in one repository."
	line     = ", after `layercache setup --docker`. "
)

// All returns the flows in the order of the tables.
func All() []Flow {
	return []Flow{
		{Key: None, Name: "no cache", ready: startBuildkitd, timed: buildNone,
			Note: "`buildx build --push`" + running + "."},
		{Key: Pull, Name: "pull, `--cache-from`, inline cache", ready: startDockerd, timed: buildPull,
			Note: "`docker pull`, `docker build --cache-from IMAGE --build-arg BUILDKIT_INLINE_CACHE=1`, `docker push`, with the BuildKit in dockerd."},
		{Key: PullClassic, Name: "pull, `--cache-from`, classic builder", Classic: true, ready: startDockerd, timed: buildClassic,
			Note: "the same with `DOCKER_BUILDKIT=0`, as in AWS's article of 2020."},
		{Key: Walkthrough, Name: "published walkthrough, as it is", ready: startDockerd, timed: buildWalkthrough,
			Note: "`docker buildx create`, `docker build --cache-from IMAGE --cache-to IMAGE`, loaded into dockerd, `docker push`; image and cache " +
				"share one tag" + replaced + "."},
		{Key: OwnTag, Name: "walkthrough, separate cache tag", ready: startDockerd, timed: buildOwnTag,
			Note: "the walkthrough with `ref=REPOSITORY:cache,mode=max`." + images},
		{Key: Peer, Name: "CDK peer's command line", ready: nothing, timed: buildPeer,
			Note: "`docker buildx create`, `docker buildx build --push` with `ref=REPOSITORY:cache,mode=max,image-manifest=true`" +
				replaced + "." + images},
		{Key: ByHandGzip, Name: "by hand, registry cache, gzip", ready: startBuildkitd, timed: buildGzip,
			Note: "`buildx build --push` with `mode=max,image-manifest=true,oci-mediatypes=true`" + running + "."},
		{Key: ByHand, Name: "by hand, registry cache, zstd", ready: startBuildkitd, timed: buildByHand,
			Note: "the same with `compression=zstd,compression-level=1,ignore-error=true`: the flags of layercache, whose " +
				"caches were gzip on 28 and 29 November 2026, up to commit a643747."},
		{Key: Layercache, Name: "layercache", ready: packed, timed: buildLayercache,
			Note: "`layercache build --push`, from the zip that a CodeBuild build downloads, measured from the helper's start to its exit. This includes " +
				"unpacking and starting its builder, the verdict and the reports. The builder's files are removed by a process that " +
				"outlives the helper; the benchmark waits for it before the next build."},
		{Key: MountsOff, Name: "layercache, cache mounts empty", ready: packed, timed: buildMountsOff,
			Note: "layercache with `LAYERCACHE_MOUNTS=off`: no cache mount survives the machine, as without layercache."},
		{Key: NoMounts, Name: "layercache, the Dockerfile without mounts", Unmounted: true, ready: packed, timed: buildLayercache,
			Note: "layercache, and the same Dockerfile with every `--mount=type=cache` removed."},
		{Key: Copied, Name: "by hand, mounts copied in and out", ready: startBuildkitd, timed: buildCopied,
			Note: "by hand with zstd, and two more builds that copy every mount in before the build and out after it, as the action " +
				"`buildkit-cache-dance` does. One build copies all mounts, and the copy is pushed to the registry as a layer; the action has a " +
				"build for each mount, and also loads the copy into dockerd and unpacks it to a folder."},
		{Key: Living, Name: "a builder that lives on", Warm: true, ready: startWarm, timed: buildNone,
			Note: "`buildx build --push` on a buildkitd that has built the first revision before, with its layers and its mounts: the limit."},
		{Key: Compose, Name: "`docker compose build` and `push`", ready: startDockerd, timed: buildCompose,
			Note: "with `cache_from` and an inline cache, with the BuildKit in dockerd and the buildx of CodeBuild's images: later ones ask for permission for `network: host`."},
		{Key: OurPull, Name: "the commands of pull, layercache's line", ready: packedBesideDockerd, timed: inPlace(pullScript),
			Note: "the commands of pull with the inline cache" + line + "`docker pull` is still docker's."},
		{Key: OurOwnTag, Name: "the commands of the walkthrough, layercache's line", ready: packedBesideDockerd, timed: inPlace(walkthroughScript),
			Note: "the commands of the walkthrough with a separate tag" + line + "`docker buildx create` starts no builder there."},
		{Key: OurCompose, Name: "the commands of Compose, layercache's line", ready: packedBesideDockerd, timed: inPlace(composeScript),
			Note: "the commands of Compose" + line + "`docker compose push` pushes what layercache built."},
	}
}

// OfMounts returns the keys of the flows that differ in what they do with cache mounts.
func OfMounts() []string { return []string{MountsOff, NoMounts, Copied, Layercache, Living} }

// OfLayers returns the keys of the flows that differ in what they do with layers.
func OfLayers() []string {
	return []string{None, Pull, PullClassic, Walkthrough, OwnTag, Peer, ByHandGzip, ByHand, Layercache}
}

// OfDocker returns the keys of the flows of published buildspecs, each with docker and with layercache in its place.
func OfDocker() []string { return []string{Pull, OurPull, OwnTag, OurOwnTag, Compose, OurCompose} }

// Named returns the flow with the key.
func Named(key string) (Flow, error) {
	for _, f := range All() {
		if f.Key == key {
			return f, nil
		}
	}
	return Flow{}, fmt.Errorf("bench: unknown flow %q", key)
}

// Run builds once. The daemons that the flow needs are started before and stopped after the measured time.
func (f Flow) Run(ctx context.Context, m *Machine, b Build) (Result, error) {
	r, err := newRun(m, b)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	if err := f.ready(ctx, r); err != nil {
		return Result{}, fmt.Errorf("bench: prepare flow %s: %w", f.Key, err)
	}
	if b.Advance != nil {
		if err := b.Advance(); err != nil {
			return Result{}, err
		}
	}
	settle()
	begin := time.Now()
	err = f.timed(ctx, r)
	r.result.Seconds = time.Since(begin).Seconds()
	// A build can succeed without a daemon, and is then faster: a pull from dockerd may fail.
	if err := errors.Join(err, r.endedDaemons()); err != nil {
		return Result{}, fmt.Errorf("bench: flow %s: %w", f.Key, err)
	}
	if r.afterwards != nil {
		err = r.afterwards()
	}
	return r.result, err
}

func nothing(context.Context, *run) error { return nil }
