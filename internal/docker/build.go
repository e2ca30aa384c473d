package docker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/distribution/reference"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/variables"
)

// build builds with the cache. An image that docker would keep is kept in the store.
func (d *docker) build(ctx context.Context) error {
	args := buildx.ParseArgs(d.call.Args)
	names, err := completeNames(args.Images())
	if slices.Contains(buildFlags(args), "squash") && d.lookup("DOCKER_BUILDKIT") == "0" {
		path, missing := real.Find()
		if missing != nil {
			return d.withoutDocker()
		}
		d.say("docker answers this call: only docker's classic builder has --squash")
		return d.buildWithDocker(ctx, path, args, names)
	}
	if err != nil {
		return d.fail(failed, "ERROR: failed to build: %v", err)
	}
	settings, err := variables.FromEnv(d.LookupEnv)
	settings.App, settings.ReportDir = d.namesOf(args, settings)
	if err := errors.Join(report.Clear(settings.ReportDir), err); err != nil {
		return err
	}
	args = d.adapt(args, settings)
	pushed, written := args.Sent()
	if pushed || written || args.OnlyChecks {
		err = d.buildWithBases(ctx, args, settings)
	} else {
		err = d.buildAndKeep(ctx, args, settings, names)
	}
	if err != nil && !args.ReadsStdin() {
		return d.buildInDocker(ctx, args, names, err)
	}
	return err
}

// completeNames returns the names of an image, with registry and tag.
func completeNames(tags []string) ([]string, error) {
	var names []string
	for _, tag := range tags {
		parsed, err := reference.ParseNormalizedNamed(tag)
		if err != nil {
			return nil, fmt.Errorf("invalid tag %q: %w", tag, err)
		}
		named, ok := reference.TagNameOnly(parsed).(reference.NamedTagged)
		if !ok {
			return nil, fmt.Errorf("invalid tag %q: a tag cannot have a digest", tag)
		}
		if !slices.Contains(names, named.String()) {
			names = append(names, named.String())
		}
	}
	return names, nil
}

// buildFlags returns the names of the flags in the arguments.
func buildFlags(args buildx.Args) []string {
	var names []string
	for _, argument := range args.Rest {
		if name, found := strings.CutPrefix(argument, "--"); found {
			name, _, _ = strings.Cut(name, "=")
			names = append(names, name)
		}
	}
	return names
}

// namesOf returns the app of the build, which is empty if it is the usual one, and the folder of its reports: each image
// of a job has its own.
func (d *docker) namesOf(args buildx.Args, s variables.Settings) (app, reports string) {
	name := "image"
	if len(args.Tags) > 0 {
		name = path.Base(store.Repository(args.Tags[0]))
	}
	if args.Target != "" {
		name += "-" + args.Target
	}
	app, reports = s.App, s.ReportDir
	if bundling, ok := bundlingName(args); ok {
		app = strings.TrimPrefix(app+"/"+bundling, "/")
		name = bundling
	}
	if asset, ok := assetName(args); ok {
		app = strings.TrimPrefix(app+"/"+asset, "/")
		name = asset
		reports = d.besideAssembly(args, reports)
	}
	return app, filepath.Join(reports, cache.Slug(name, 60))
}

// besideAssembly returns the folder for reports of an asset. The CDK calls docker in the asset's folder, whose content must
// not change, so a relative path begins in the source folder of CodeBuild, else beside the cloud assembly.
func (d *docker) besideAssembly(args buildx.Args, reports string) string {
	if filepath.IsAbs(reports) {
		return reports
	}
	base := d.lookup("CODEBUILD_SRC_DIR")
	if context, err := filepath.Abs(args.Context); base == "" && err == nil {
		base = filepath.Dir(filepath.Dir(context))
	}
	return filepath.Join(base, reports)
}

// adapt returns the arguments without those that the cache and the builder of layercache replace, and says so.
func (d *docker) adapt(args buildx.Args, s variables.Settings) buildx.Args {
	flags := buildFlags(args)
	if usesCache(s) && (slices.Contains(flags, "cache-from") || slices.Contains(flags, "cache-to")) {
		d.say("--cache-from and --cache-to are replaced by the cache of layercache")
		args = args.Without("cache-from", "cache-to")
	}
	if without, had := args.WithoutBuildArg(buildx.InlineCache); had && usesCache(s) {
		d.say("--build-arg %s is replaced by the cache of layercache", buildx.InlineCache)
		args = without
	}
	if instance, ok := buildx.Named(args.Builder); ok && instance.IsLocalContainer() || args.Builder == "default" {
		d.say("--builder %s is replaced by the builder of layercache", args.Builder)
		args = args.Without("builder")
		args.Builder = ""
	}
	if d.lookup("DOCKER_BUILDKIT") == "0" {
		d.say("DOCKER_BUILDKIT=0 has no effect: the image is built with BuildKit")
	}
	return args
}

// usesCache reports whether the settings name a cache.
func usesCache(s variables.Settings) bool {
	return s.Mode != variables.ModeOff && (s.Repository != "" || s.Mode != variables.ModeRegistry)
}

// arguments returns the arguments for a build.
func arguments(args buildx.Args) []string { return append(args.Display(), args.Rest...) }

// buildWithBases runs a build whose result leaves the builder as its arguments say.
func (d *docker) buildWithBases(ctx context.Context, args buildx.Args, s variables.Settings) error {
	intake, bases, err := d.offerBases(ctx, args, nil)
	if intake != nil {
		defer intake.Close()
	}
	if err != nil {
		return err
	}
	args = withContexts(args, bases)
	_, err = d.Build(ctx, Build{Args: arguments(args), Settings: s})
	return err
}

// buildAndKeep runs a build and keeps the image. A builder that cannot hand the image over loads it into docker.
func (d *docker) buildAndKeep(ctx context.Context, args buildx.Args, s variables.Settings, names []string) error {
	intake, err := d.store.Take(ctx)
	if err != nil {
		return err
	}
	defer intake.Close()
	_, bases, err := d.offerBases(ctx, args, intake)
	if err != nil {
		return err
	}
	args = withContexts(args, bases)
	// docker's images have no attestations unless the call asks for them.
	s.Attestations = cmp.Or(attestationsFor(args), s.Attestations)
	handsOver := false
	keep := func(destination run.Destination) string {
		handsOver = destination.Builder == variables.BuilderNative
		if !handsOver {
			return ""
		}
		d.lookIn(intake, destination)
		return "type=image,name=" + intake.Ref() + ",push=true"
	}
	digest, err := d.Build(ctx, Build{Args: arguments(args), Settings: s, ChooseOutput: keep})
	if err != nil {
		d.sayProblem(intake)
		return err
	}
	if !handsOver {
		return d.store.Change(ctx, func(images []store.Image) ([]store.Image, error) { return store.Unname(images, names...), nil })
	}
	if _, err := intake.Keep(ctx, digest, names); err != nil {
		return err
	}
	return nameImage(args.MetadataFile, names)
}

// lookIn makes the intake leave out layers that the caches have.
func (d *docker) lookIn(intake *store.Intake, destination run.Destination) {
	if err := intake.LookIn(repositories(destination.Caches), destination.Keychain); err != nil {
		d.say("the layers that the cache has are copied: %v", err)
	}
}

// sayProblem says why the store could not take an image whose build failed. The intake may be nil.
func (d *docker) sayProblem(intake *store.Intake) {
	if intake == nil {
		return
	}
	problem, advice := intake.Problem(), ""
	if errors.Is(problem, syscall.ENOSPC) {
		advice = ". Free space there, set TMPDIR to a folder on a larger disk, or push at once with --push"
	}
	if problem != nil {
		d.say("the built image cannot be kept: %v: nothing is kept of this build%s", problem, advice)
	}
}

// attestationsFor returns the setting that leaves out buildx's default attestation, unless the arguments ask for some.
func attestationsFor(args buildx.Args) string {
	for _, flag := range []string{"attest", "provenance", "sbom"} {
		if slices.Contains(buildFlags(args), flag) {
			return ""
		}
	}
	return variables.AttestationsNone
}

// repositories returns the repositories of the refs.
func repositories(refs []string) []string {
	var found []string
	for _, ref := range refs {
		if repository := store.Repository(ref); !slices.Contains(found, repository) {
			found = append(found, repository)
		}
	}
	return found
}

// nameImage writes the names of the image into buildx's metadata file: in the build it had another.
func nameImage(path string, names []string) error {
	return editMetadata(path, func(metadata map[string]json.RawMessage) error { return setNames(metadata, names) })
}

// setNames sets the names in the metadata of an image.
func setNames(metadata map[string]json.RawMessage, names []string) (err error) {
	delete(metadata, "image.name")
	if len(names) > 0 {
		metadata["image.name"], err = json.Marshal(strings.Join(names, ","))
	}
	return err
}

// offerBases makes the kept images that the Dockerfile names available to the build, as docker does with the images that
// it has, and returns where they are, by name. The intake is started if it is nil and one is needed.
func (d *docker) offerBases(ctx context.Context, args buildx.Args, intake *store.Intake) (*store.Intake, map[string]string, error) {
	bases := map[string]string{}
	for _, base := range d.bases(args) {
		index := store.FindName(d.images, base)
		if index < 0 {
			continue
		}
		if intake == nil {
			var err error
			if intake, err = d.store.Take(ctx); err != nil {
				return nil, nil, err
			}
		}
		keychain, err := d.keychain(ctx, d.images[index].Sources())
		if err != nil {
			d.say("%v", err)
		}
		ref, err := intake.Offer(d.images[index], keychain)
		if err != nil {
			return intake, nil, err
		}
		bases[base] = "docker-image://" + ref
	}
	return intake, bases, nil
}

// withContexts returns the arguments with named contexts before them, which those of the caller replace.
func withContexts(args buildx.Args, contexts map[string]string) buildx.Args {
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		flags = append(flags, "--build-context="+name+"="+contexts[name])
	}
	args.Rest = append(flags, args.Rest...)
	return args
}

// bases returns the images that the Dockerfile needs. They are not known if buildx reads the Dockerfile from elsewhere or
// another frontend reads it.
func (d *docker) bases(args buildx.Args) []string {
	if args.Dockerfile == "-" || strings.Contains(args.Dockerfile, "://") {
		return nil
	}
	content, err := source.ReadFile(source.Dockerfile(cmp.Or(args.Dockerfile, filepath.Join(args.Context, "Dockerfile"))))
	if err != nil {
		return nil
	}
	bases, err := run.Images(run.Request{Args: arguments(args), LookupEnv: d.LookupEnv}, content)
	if err != nil {
		return nil
	}
	return bases
}

// buildInDocker lets docker repeat a build that failed with err, if it needs a base image that only docker has.
func (d *docker) buildInDocker(ctx context.Context, args buildx.Args, names []string, err error) error {
	path, missing := real.Find()
	if missing != nil || context.Cause(ctx) != nil {
		return err
	}
	base := d.baseOfDocker(ctx, path, args)
	if base == "" {
		return err
	}
	d.say("docker builds this image: its base image %s is in no registry, only in docker", base)
	return d.buildWithDocker(ctx, path, args, names)
}

// buildWithDocker lets docker build the image, after the kept images that it needs were loaded. The image has the names
// then.
func (d *docker) buildWithDocker(ctx context.Context, path string, args buildx.Args, names []string) error {
	needed := d.needed()
	for _, base := range d.bases(args) {
		if index := store.FindName(d.images, base); index >= 0 && !slices.Contains(needed, index) {
			needed = append(needed, index)
		}
	}
	if err := d.loadAll(ctx, path, needed); err != nil {
		return err
	}
	return d.delegateAndUnname(ctx, path, names)
}

// baseOfDocker returns a base image that docker has, and that it has neither pulled nor pushed; "" if there is none.
func (d *docker) baseOfDocker(ctx context.Context, path string, args buildx.Args) string {
	for _, base := range d.bases(args) {
		digests, err := exec.CommandContext(ctx, path, "image", "inspect", "--format", "{{len .RepoDigests}}", "--", base).Output()
		if store.FindName(d.images, base) < 0 && err == nil && strings.TrimSpace(string(digests)) == "0" {
			return base
		}
	}
	return ""
}
