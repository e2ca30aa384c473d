package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/bake"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/display"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/outputs"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/session"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/git"
	"github.com/layercache/layercache/internal/variables"
)

// bakeBuild is one call of bake. Its build holds what the targets share: builder, sign-ins, budget, cache mounts. Cache
// mounts are shared because BuildKit does not say which target a step belongs to.
type bakeBuild struct {
	*build
	bake    bake.Args
	targets []*bakedTarget
	// app is the app without the target.
	app string
}

// bakedTarget is one target. Its build has the arguments of `docker buildx build` that build the target, and a cache of
// its own.
type bakedTarget struct {
	build  *build
	target bake.Target
	// inputs receives the inputs of the build once they are read.
	inputs chan cache.Inputs
	// plan are the cache flags of the next call; skipsExport is true if they leave out the export because nothing is new.
	plan        cache.Flags
	skipsExport bool
	// dockerfileCopy is the path of a copy of the Dockerfile that replaces it; "" if none does.
	dockerfileCopy string
	// placement is the caller's.
	placement Placement
	outcome   outcome
	// span is how long the target was built.
	span time.Duration
}

// Bake builds the targets of a bake file with one call of buildx, each with a cache of its own, and returns a report with
// a report for each target. request.Args are the arguments of `docker buildx bake`. It returns the errors that Run does; an
// error of type ReadError means that buildx has already said what is wrong.
func Bake(ctx context.Context, request Request) (*report.Report, error) {
	waits := &throttle.Waits{Say: request.say}
	ctx = throttle.NewContext(ctx, waits)
	b, err := openBake(ctx, request)
	if err != nil {
		return nil, err
	}
	defer b.awaitRemoval()
	defer b.close()
	defer b.stopReading()
	whole, err := b.execute(ctx)
	if err != nil {
		return nil, err
	}
	time.AfterFunc(inputsGrace(time.Since(b.begin)), b.stopReading)
	return b.finish(ctx, whole, waits), nil
}

// ReadError is the error of a buildx that could not read the bake file, or did not find a target in it.
type ReadError struct {
	// Status is the exit status of buildx.
	Status int
	// Remote is true if buildx fetches the bake file from a Git repository or another address.
	Remote bool
}

func (e ReadError) Error() string {
	fix := "correct the bake file, --file or the names of targets"
	if e.Remote {
		fix = "if the bake file could not be fetched, correct its address, or let the builder reach and read it; otherwise " + fix
	}
	return fmt.Sprintf("docker buildx bake could not read the targets (exit status %d). Its message above says why; %s", e.Status, fix)
}

// BakeOnlyReads reports whether the arguments build nothing and need no builder, such as --print, so that they are for
// buildx alone.
func BakeOnlyReads(arguments []string) bool { return bake.ParseArgs(arguments).OnlyReads() }

// PassBake passes the arguments on to buildx unchanged, and returns its exit status.
func PassBake(ctx context.Context, request Request) (int, error) {
	client, err := buildx.Find()
	if err != nil {
		return 1, err
	}
	b := &build{Request: request, client: client}
	cmd := b.command(ctx, append([]string{"bake"}, request.Args...))
	defer cmd.interrupt(nil)
	cmd.Stdout, cmd.Stderr = request.Stdout, request.stderr()
	return exitCode(ctx, cmd.Run())
}

// BakeShowsJSON is ShowsJSON for the arguments of bake.
func BakeShowsJSON(arguments []string, lookup func(string) (string, bool)) bool {
	args := bake.ParseArgs(arguments)
	if args.OnlyReads() {
		return false
	}
	mode, err := displayMode(sharedArgs(args), lookup, io.Discard)
	return err == nil && mode == display.RawJSON
}

// sharedArgs returns the arguments that concern all targets, as arguments of `docker buildx build`.
func sharedArgs(args bake.Args) buildx.Args {
	return buildx.Args{
		Builder: args.Value("builder"), MetadataFile: args.Value("metadata-file"), NoCache: args.NoCache(), OnlyChecks: args.OnlyChecks(),
		Progress: args.Value("progress"), HasProgress: args.Has("progress"),
	}
}

// openBake prepares everything that the build needs. The caller closes the result.
func openBake(ctx context.Context, request Request) (*bakeBuild, error) {
	begin := time.Now()
	args := bake.ParseArgs(request.Args)
	mode, err := displayMode(sharedArgs(args), request.LookupEnv, request.stderr())
	if err != nil {
		return nil, err
	}
	if err := refuseBakeLinks(request, args); err != nil {
		return nil, err
	}
	client, err := buildx.Find()
	if err != nil {
		return nil, err
	}
	folder, err := session.New()
	if err != nil {
		return nil, err
	}
	b := &bakeBuild{bake: args, build: &build{
		Request: request, args: sharedArgs(args), mode: mode, client: client, dir: folder.Path, removeDir: folder.Remove,
		budget: newWaitBudget(request.Settings), warnings: &warnings{}, begin: begin, stopReading: func() {},
	}}
	if b.Settings.Policy == variables.PolicyAct {
		b.warn("LAYERCACHE_POLICY=act has no effect on layercache bake, which uses the caches of its targets as they are set: set advise")
	}
	if err := b.prepare(ctx); err != nil {
		b.stopReading()
		b.close()
		return nil, orStopped(ctx, err)
	}
	b.setup = time.Since(begin)
	return b, nil
}

// bakeFiles are the files that buildx reads if --file is not given, and the environment file of Compose.
//
// https://github.com/docker/buildx/blob/v0.38.2/bake/bake.go (defaultFilenames)
var bakeFiles = []string{
	"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml", "docker-bake.json", "docker-bake.hcl",
	"docker-bake.override.json", "docker-bake.override.hcl", ".env",
}

// refuseBakeLinks returns an error if a bake file, or the file of --metadata-file, is behind a symlink that leads out of
// the source: buildx quotes the lines of a file that it cannot read, and writes metadata through a link to a folder. A
// bake file of the source must not be endless either.
func refuseBakeLinks(request Request, args bake.Args) error {
	for _, file := range append(args.Values("file"), bakeFiles...) {
		file = strings.TrimPrefix(file, "cwd://")
		if leads, err := source.LeadsOut(request.Dir, file); err == nil && leads {
			return fmt.Errorf("the bake file %s is a symlink that leads out of the working directory: use its target instead, or remove the link", file)
		}
		if err := source.CheckSize(request.Dir, file); err != nil {
			return fmt.Errorf("the bake file %w: replace it with a small regular file", err)
		}
	}
	metadata := args.Value("metadata-file")
	if leads, err := source.LeadsOut(request.Dir, metadata); err == nil && leads {
		return fmt.Errorf("--metadata-file is %q, a symlink that leads out of the working directory: use its target instead, or remove the link", metadata)
	}
	return nil
}

// withoutCredentials empties the variables from which the AWS SDKs get credentials.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
var withoutCredentials = []string{
	"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=", "AWS_CONTAINER_CREDENTIALS_FULL_URI=",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN=", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=", "AWS_WEB_IDENTITY_TOKEN_FILE=",
}

// prepare starts the builder and reads the targets at the same time. Then it signs in, and starts to query the caches.
func (b *bakeBuild) prepare(ctx context.Context) error {
	if b.bake.ReadsStdin() && b.Stdin != nil {
		if err := b.saveStdin(ctx); err != nil {
			return err
		}
	}
	gitVariables, err := git.Environ(b.dir)
	if err != nil {
		return err
	}
	b.env = gitVariables
	if b.HideCredentials && b.Settings.Mode != variables.ModeS3 {
		b.env = append(b.env, withoutCredentials...)
	}
	if err := b.chooseScope(ctx); err != nil {
		return err
	}
	b.mounts = newKeptMounts(b.build)
	started, signedIn, err := b.startAndSignIn(ctx)
	if err != nil {
		return err
	}
	b.shareBuilder()
	for _, t := range b.targets {
		b.declaredBy = append(b.declaredBy, t.build.query)
	}
	b.declareSteps()
	if b.mounts != nil {
		close(b.mounts.ready)
	}
	b.loginWait = max(0, signedIn.Sub(started))
	b.env = append(b.env, b.buildxVariables()...)
	return nil
}

// startAndSignIn starts the builder. At the same time it reads the targets, signs in, and starts to query the caches. It
// returns when the builder was started and when the sign-in ended. The first error ends the rest.
func (b *bakeBuild) startAndSignIn(ctx context.Context) (started, signedIn time.Time, err error) {
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := b.startBuilderInBackground(both)
	go func() {
		if _, _, err := start.wait(); err != nil {
			cancel(err)
		}
	}()
	reading, stopReading := context.WithCancel(ctx)
	b.stopReading = stopReading
	readErr := b.readTargets(both, start)
	if readErr == nil {
		b.readInputs(reading)
		b.signInAndQuery(ctx)
	} else {
		cancel(readErr)
	}
	signedIn = time.Now()
	b.builder, started, err = start.wait() // Also after an error, so that it is closed.
	if readErr == nil && err == nil {
		return started, signedIn, nil
	}
	return started, signedIn, cmp.Or(context.Cause(both), readErr, err)
}

// shareBuilder gives the targets the builder.
func (b *bakeBuild) shareBuilder() {
	for _, t := range b.targets {
		t.build.builder = b.builder
	}
}

// placeTargets asks the caller where the images go.
func (b *bakeBuild) placeTargets() error {
	for _, t := range b.targets {
		if b.PlaceTarget == nil || t.build.args.OnlyChecks {
			continue
		}
		var err error
		placed := PlacedTarget{Name: t.target.Name, Tags: t.target.Tags, Args: t.build.args, Loads: t.loads()}
		if t.placement, err = b.PlaceTarget(placed, t.build.destination()); err != nil {
			return err
		}
	}
	return nil
}

// loads reports whether the image would be loaded into docker.
func (t *bakedTarget) loads() bool {
	pushed, written := t.build.args.Sent()
	return !pushed && !written && !t.build.args.OnlyChecks
}

// keepsImages reports whether the caller keeps the image of a target.
func (b *bakeBuild) keepsImages() bool {
	return slices.ContainsFunc(b.targets, func(t *bakedTarget) bool { return t.placement.Image != "" })
}

// finalOutputs returns where the result of the target goes.
func (t *bakedTarget) finalOutputs() []string {
	switch {
	case t.placement.Image != "":
		return []string{"type=image,push=true"}
	case t.build.PlaceTarget != nil && t.loads() && len(t.target.DeclaredOutputs()) == 0:
		return []string{"type=docker"}
	}
	return t.target.DeclaredOutputs()
}

// chooseScope sets the scope that the targets share, and the flags of the cache that holds the cache mounts.
func (b *bakeBuild) chooseScope(ctx context.Context) error {
	none := buildx.Args{}
	w := writerOf(b.Request, none)
	b.app = cmp.Or(b.Settings.App, appName(b.Request, w))
	named := b.Request
	named.Settings.App = b.app
	if b.cacheOff() {
		b.scope = cache.Scope{App: b.app}
		return nil
	}
	b.scope = scopeOf(ctx, named, none)
	if b.Settings.App == "" {
		b.scope.Build = b.fileName(w.Source)
	}
	// No target has an empty name, so this is no target's cache.
	shared := b.scope
	shared.App = b.app + "/"
	var err error
	b.flags, err = cache.FlagsFromSettings(b.Settings, shared, cache.Output{}, b.LookupEnv)
	return err
}

func (b *bakeBuild) cacheOff() bool { return b.Settings.Mode == variables.ModeOff || b.args.OnlyChecks }

// fileName tells the bake files of an app apart: what is not as usual of the source's full name, the working directory
// and the files.
func (b *bakeBuild) fileName(sourceName string) string {
	root := checkoutRoot(b.Request)
	var parts []string
	add := func(name, value string) {
		if value != "" && isStable(value) {
			parts = append(parts, namePart(name, value))
		}
	}
	if strings.Contains(sourceName, "/") {
		add("source", sourceName)
	}
	add("dir", inCheckout(root, within(b.Dir, ".")))
	for _, file := range append(b.bake.Values("file"), b.BakeFiles...) {
		if file != "-" && !strings.Contains(file, "://") {
			add("file", inCheckout(root, within(b.Dir, file)))
		}
	}
	if b.bake.Remote() {
		add("remote", remoteContext(b.bake.Targets[0]))
	}
	return strings.Join(parts, ",")
}

// printTargets returns what buildx prints of the targets. It waits for the builder if buildx needs it, which is for a
// remote file only.
func (b *bakeBuild) printTargets(ctx context.Context, start *builderStart) (string, error) {
	arguments := b.bake.Print()
	env := buildxFolder(filepath.Join(b.dir, "buildx"))
	if b.bake.Remote() {
		started, _, err := start.wait()
		if err != nil {
			return "", err
		}
		env = started.env
		arguments = append([]string{"bake", "--builder", cmp.Or(started.name, b.args.Builder)}, arguments[1:]...)
	}
	cmd := b.command(ctx, arguments)
	defer cmd.interrupt(nil)
	cmd.WaitDelay = readGrace
	cmd.Env = append(cmd.Env, env...)
	var printed, errorOutput strings.Builder
	cmd.Stdout, cmd.Stderr = &printed, &errorOutput
	code, err := exitCode(ctx, cmd.Run())
	if err != nil {
		return "", err
	}
	if code != 0 {
		if stopped := stoppedBy(ctx); stopped != nil {
			return "", stopped
		}
		text := display.NewText(b.stderr())
		_, _ = io.WriteString(text, errorOutput.String())
		text.Flush()
		return "", ReadError{Status: code, Remote: b.bake.Remote()}
	}
	return printed.String(), nil
}

// readTargets reads the targets and checks them.
func (b *bakeBuild) readTargets(ctx context.Context, start *builderStart) error {
	printed, err := b.printTargets(ctx, start)
	if err != nil {
		return err
	}
	targets, err := bake.ReadTargets([]byte(printed))
	if err != nil {
		return err
	}
	if err := b.refusePrivileges(targets); err != nil {
		return err
	}
	if err := refuseSameImages(targets); err != nil {
		return err
	}
	for _, target := range targets {
		t, err := b.newTarget(ctx, target)
		if err != nil {
			return fmt.Errorf("target %s: %w", target.Name, err)
		}
		b.targets = append(b.targets, t)
	}
	if !b.bake.Remote() {
		// The call that builds reads what was checked: a bake file can have another value each time, with uuidv4() or a
		// variable.
		definition := filepath.Join(b.dir, "targets.json")
		if err := os.WriteFile(definition, []byte(printed), 0o600); err != nil {
			return fmt.Errorf("write the targets: %w", err)
		}
		b.bake = b.bake.OfFile(definition, namesOf(b.targets))
		b.env = append(b.env, "BUILDX_BAKE_FILE_RELATIVE_PATHS=false")
	}
	return b.checkApart()
}

// refuseSameImages returns an error if two targets push to one name: which of the two images stays there would be chance.
func refuseSameImages(targets []bake.Target) error {
	pushedBy := map[string]string{}
	for _, target := range targets {
		if !slices.ContainsFunc(target.DeclaredOutputs(), buildx.Pushes) {
			continue
		}
		for _, image := range buildx.ParseArgs(target.BuildArgs("")).Images() {
			key := cache.Key(image)
			if other := pushedBy[key]; other != "" && other != target.Name {
				return fmt.Errorf("the targets %s and %s both push %s: give each target a tag of its own", other, target.Name, image)
			}
			pushedBy[key] = target.Name
		}
	}
	return nil
}

// newTarget returns a target with its build.
func (b *bakeBuild) newTarget(ctx context.Context, target bake.Target) (*bakedTarget, error) {
	dir := filepath.Join(b.dir, "targets", target.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create a private folder: %w", err)
	}
	inline := ""
	if target.Inline != "" {
		inline = filepath.Join(dir, "Dockerfile")
		if err := os.WriteFile(inline, []byte(target.Inline), 0o600); err != nil {
			return nil, fmt.Errorf("write the Dockerfile: %w", err)
		}
	}
	t := &bakedTarget{target: target, inputs: make(chan cache.Inputs, 1), build: &build{
		Request: b.Request, args: buildx.ParseArgs(target.BuildArgs(inline)), client: b.client, dir: dir,
		budget: newWaitBudget(b.Settings), warnings: &warnings{}, begin: b.begin,
	}}
	own := t.build
	own.Stderr = io.Discard // What a target has to say is said for all at once.
	own.args.NoCache = own.args.NoCache || b.args.NoCache
	own.args.OnlyChecks = b.args.OnlyChecks || !target.BuildsImage()
	if own.Settings.LocalDir != "" {
		own.Settings.LocalDir = filepath.Join(own.Settings.LocalDir, target.Name)
	}
	own.scope = b.scope
	own.scope.App, own.scope.Platform = b.app+"/"+target.Name, platformName(own.args.Platforms, b.LookupEnv)
	own.Settings.App = own.scope.App
	if err := refuseLinks(own.Request, own.args); err != nil {
		return nil, err
	}
	if b.cacheOff() || own.args.OnlyChecks {
		return t, nil
	}
	var err error
	if own.flags, err = cache.FlagsFromSettings(own.Settings, own.scope, outputOf(own.Request, own.args), b.LookupEnv); err != nil {
		return nil, err
	}
	if t.hasCache() {
		if err := refuseCacheSecrets(target); err != nil {
			return nil, err
		}
		t.makeLocalCache()
	}
	own.warnOfNamedContexts()
	own.labels = sourceLabels(ctx, own.Request, own.args, own.warnings)
	if target.Inline != "" {
		t.warnOfContext()
	}
	return t, nil
}

// hasCache reports whether layercache gives the target a cache.
func (t *bakedTarget) hasCache() bool { return t.build.flags.To != "" || len(t.build.flags.From) > 0 }

// makeLocalCache makes the folder of a local cache: of a folder that does not exist, buildx asks for permission to write to
// the folder above, although --set names it.
func (t *bakedTarget) makeLocalCache() {
	if t.build.flags.Folder == "" || t.build.flags.To == "" {
		return
	}
	if err := os.MkdirAll(within(t.build.Dir, t.build.flags.Folder), 0o755); err != nil {
		t.build.warn("building without the cache: %v", err)
		t.build.flags.From, t.build.flags.To = nil, ""
	}
}

// warnOfContext warns of files of layercache in the context of a Dockerfile in the bake file, for which buildx reads only
// the ignore file of the context.
func (t *bakedTarget) warnOfContext() {
	dir, local := localContext(t.build.Request, t.build.args)
	if !local {
		return
	}
	hidden, err := outputs.Hide(dir, filepath.Join(t.build.dir, "Dockerfile"), nil, "", t.build.outputsToHide())
	if err != nil {
		return
	}
	for _, kept := range hidden.Kept {
		t.build.warn("%s is written by layercache and cannot be left out of a build whose Dockerfile is in the bake file, so steps that copy it run again when it changes: write it elsewhere, or add it to .dockerignore", kept)
	}
}

// checkApart returns an error if an image of one target would overwrite the cache of another.
func (b *bakeBuild) checkApart() error {
	var images []string
	for _, t := range b.targets {
		images = append(images, t.build.args.Images()...)
	}
	for _, t := range b.targets {
		if t.build.flags.InRegistry {
			if err := t.build.flags.Refs.CheckApart(images); err != nil {
				return err
			}
		}
	}
	return nil
}

// refusePrivileges returns an error if a target asks for a file, an SSH agent or an entitlement that the caller has not
// allowed. Nothing of the target is read before.
func (b *bakeBuild) refusePrivileges(targets []bake.Target) error {
	dir, err := filepath.Abs(b.Dir)
	if err != nil {
		return err
	}
	privileges, err := b.bake.Privileges(dir, b.LookupEnv)
	if err != nil {
		return err
	}
	var problems []error
	for _, target := range targets {
		problems = append(problems, privileges.Refused(target))
	}
	return errors.Join(problems...)
}

// refuseCacheSecrets returns an error if a cache of the bake file has a secret. overrides repeats the cache with --set, and
// other processes can read the command line.
func refuseCacheSecrets(target bake.Target) error {
	for _, caches := range []struct {
		key    string
		values []string
	}{{"cache-from", target.OwnCacheFrom()}, {"cache-to", target.OwnCacheTo()}} {
		for _, value := range caches.values {
			if secret := buildx.CacheSecret(value); secret != "" {
				return fmt.Errorf("its %s has the attribute %s, a secret that would be visible on the command line of buildx: leave the attribute out and set the variable that buildx reads, such as AWS_SECRET_ACCESS_KEY, or set LAYERCACHE_MODE to off", caches.key, secret)
			}
		}
	}
	return nil
}

// readInputs starts to read the inputs of each target, a few targets at a time.
func (b *bakeBuild) readInputs(ctx context.Context) {
	turns := make(chan struct{}, runtime.NumCPU())
	for _, t := range b.targets {
		go func() {
			if !t.build.flags.KeepsRecord() {
				t.inputs <- cache.Inputs{}
				return
			}
			turns <- struct{}{}
			defer func() { <-turns }()
			inputs := readInputs(ctx, t.build.Request, t.build.args)
			if t.target.Inline != "" {
				// The path differs from build to build; the Dockerfile's content is an input.
				inputs.Flags = buildx.ParseArgs(t.target.BuildArgs("Dockerfile")).Shape()
			}
			t.inputs <- inputs
		}()
	}
}

// signInAndQuery signs in to the registries of all targets, and starts to query their caches.
func (b *bakeBuild) signInAndQuery(ctx context.Context) {
	var all buildx.Args
	refs := b.flags.Refs
	refs.Imports = slices.Clone(refs.Imports)
	for _, t := range b.targets {
		all.Tags = append(all.Tags, t.build.args.Images()...)
		all.Caches = append(all.Caches, t.build.args.Caches...)
		refs.Imports = append(append(refs.Imports, t.build.flags.Refs.Imports...), t.build.flags.Refs.Export)
	}
	begin := time.Now()
	registries := registriesToSignIn(b.Request, all, refs, b.warnings)
	b.signIn = signInTo(ctx, registries, b.dir, loginTimeout(b.Request, all), b.warnings)
	if b.signIn.failed && throttle.FromContext(ctx).Total() == 0 {
		b.budget.spend(time.Since(begin))
	}
	b.env = append(b.env, b.signIn.env...)
	timeout := b.queryTimeout(ctx)
	none := make(chan cache.Inputs, 1)
	none <- cache.Inputs{}
	b.query = startCacheQuery(ctx, b.flags, timeout, b.signIn.keychain, none)
	for _, t := range b.targets {
		t.build.signIn = signIn{keychain: b.signIn.keychain}
		t.build.query = startCacheQuery(ctx, t.build.flags, timeout, b.signIn.keychain, t.inputs)
	}
}

// namesOf returns the names of targets.
func namesOf(targets []*bakedTarget) []string {
	var all []string
	for _, t := range targets {
		all = append(all, t.target.Name)
	}
	return all
}

// shownTargets is how many targets a line names.
const shownTargets = 6

// shorten names at most shownTargets of the targets, separated by commas.
func shorten(targets []string) string {
	if len(targets) > shownTargets {
		return fmt.Sprintf("%s and %d more", strings.Join(targets[:shownTargets], ", "), len(targets)-shownTargets)
	}
	return strings.Join(targets, ", ")
}
