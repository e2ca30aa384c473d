package run

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/display"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/session"
	"github.com/layercache/layercache/internal/source/git"
	"github.com/layercache/layercache/internal/variables"
)

// build is one build that is ready to run. Only a retry changes its builder and arguments,
// and only execute sets addsStages, and with acting the flags and the layers of the settings.
type build struct {
	Request
	args   buildx.Args
	mode   display.Mode
	client buildx.Client
	// dir is a private folder, removed by close.
	dir       string
	removeDir func() error
	scope     cache.Scope
	flags     cache.Flags
	builder   activeBuilder
	signIn    signIn
	// query asks for the states and the records of the caches.
	query *cacheQuery
	// declaredBy are the queries whose inputs tell which steps the build has: its own, or those of a bake's targets.
	declaredBy []*cacheQuery
	// stopReading ends the reading of the inputs.
	stopReading context.CancelFunc
	// labels are the image labels that BUILDX_GIT_LABELS asks for. env are the variables of every call of buildx, in
	// addition to builder.env.
	labels, env []string
	// stdin is a copy of the standard input if buildx reads it.
	stdin  *os.File
	budget *waitBudget
	// replaced is true if a builder that died was replaced.
	replaced bool
	// throttledCalls counts the calls of buildx that a registry throttled.
	throttledCalls int
	// addsStages is true if the cache is not read, so that all stages run and are written to it.
	addsStages bool
	// acting is what LAYERCACHE_POLICY=act chose; nil if it is not set, or not for builds like this one.
	acting *acting
	// mounts keeps the cache mounts; nil if none are kept.
	mounts *keptMounts
	*warnings
	// begin is when open was called and setup is how long it took. loginWait is how much longer the sign-in
	// took than the start of the builder.
	begin            time.Time
	setup, loginWait time.Duration
}

// open prepares everything that a build needs. The caller closes the result.
func open(ctx context.Context, request Request) (*build, error) {
	begin := time.Now()
	args := buildx.ParseArgs(request.Args)
	mode, err := displayMode(args, request.LookupEnv, request.stderr())
	if err != nil {
		return nil, err
	}
	if err := refuseLinks(request, args); err != nil {
		return nil, err
	}
	client, err := buildx.Find()
	if err != nil {
		return nil, err
	}
	flags, scope, err := chooseCache(ctx, request, args)
	if err != nil {
		return nil, err
	}
	folder, err := session.New()
	if err != nil {
		return nil, err
	}
	b := &build{
		Request: request, args: args, mode: mode, client: client, dir: folder.Path, removeDir: folder.Remove, scope: scope, flags: flags,
		budget: newWaitBudget(request.Settings), warnings: &warnings{}, begin: begin, stopReading: func() {},
	}
	b.mounts = newKeptMounts(b)
	if err := b.prepare(ctx); err != nil {
		b.stopReading()
		b.close()
		return nil, orStopped(ctx, err)
	}
	b.setup = time.Since(begin)
	return b, nil
}

// displayMode returns how the build is shown, or the error with which buildx refuses it.
func displayMode(args buildx.Args, lookup func(string) (string, bool), stderr io.Writer) (display.Mode, error) {
	variable, _ := lookup("BUILDKIT_PROGRESS")
	return display.Choose(args.Progress, args.HasProgress, args.Quiet, variable, stderr)
}

// ShowsJSON reports whether the arguments, or else BUILDKIT_PROGRESS, ask for JSON. The caller of Run then passes a
// display.JSON as Stderr.
func ShowsJSON(arguments []string, lookup func(string) (string, bool)) bool {
	mode, err := displayMode(buildx.ParseArgs(arguments), lookup, io.Discard)
	return err == nil && mode == display.RawJSON
}

// prepare starts the builder, and at the same time signs in and then starts to query the caches.
func (b *build) prepare(ctx context.Context) error {
	b.warnOfNamedContexts()
	inputs, err := b.startReadingInputs(ctx)
	if err != nil {
		return err
	}
	start := b.startBuilderInBackground(ctx)
	b.signIn, b.query = b.signInAndQuery(ctx, inputs)
	signedIn := time.Now()
	var started time.Time
	if b.builder, started, err = start.wait(); err != nil {
		return err
	}
	b.declaredBy = []*cacheQuery{b.query}
	b.declareSteps()
	if b.mounts != nil {
		close(b.mounts.ready)
	}
	b.loginWait = max(0, signedIn.Sub(started))
	if b.signIn.failed && throttle.FromContext(ctx).Total() == 0 {
		b.budget.spend(b.loginWait)
	}
	gitVariables, err := git.Environ(b.dir)
	if err != nil {
		return err
	}
	b.env = slices.Concat(b.signIn.env, gitVariables, b.buildxVariables())
	b.labels = sourceLabels(ctx, b.Request, b.args, b.warnings)
	return nil
}

// startReadingInputs starts to read the inputs, and sets stopReading. The channel receives them once they are read.
func (b *build) startReadingInputs(ctx context.Context) (<-chan cache.Inputs, error) {
	args := b.args
	if args.Dockerfile != "-" { // The input is saved later.
		var err error
		if args, err = b.withoutOutputs(); err != nil {
			return nil, err
		}
	}
	inputs := make(chan cache.Inputs, 1)
	reading, stopReading := context.WithCancel(ctx)
	b.stopReading = stopReading
	// In a job the inputs also tell which steps two builds share. act may change the request meanwhile.
	request, reads := b.Request, b.flags.KeepsRecord() || b.jobBuilder() != nil
	go func() {
		if reads {
			inputs <- readInputs(reading, request, args)
		} else {
			inputs <- cache.Inputs{}
		}
	}()
	return inputs, nil
}

// signInAndQuery signs in to the registries, and then starts to query the caches.
func (b *build) signInAndQuery(ctx context.Context, inputs <-chan cache.Inputs) (signIn, *cacheQuery) {
	registries := registriesToSignIn(b.Request, b.args, b.flags.Refs, b.warnings)
	signed := signInTo(ctx, registries, b.dir, loginTimeout(b.Request, b.args), b.warnings)
	return signed, startCacheQuery(ctx, b.flags, b.queryTimeout(ctx), signed.keychain, inputs)
}

// queryTimeout returns how long the caches may be queried. What the sign-in waited for a throttled API counts too; a second
// is left for the answer.
func (b *build) queryTimeout(ctx context.Context) time.Duration {
	return max(time.Second, cacheTimeout(b.Settings)-throttle.FromContext(ctx).Total())
}

// buildxVariables returns the variables that switch off what buildx would do unasked.
func (b *build) buildxVariables() []string {
	var env []string
	if !readsHistory(b.args) {
		// Otherwise buildx would query the builder for provenance for layercache's own metadata file, which
		// needs only the digest.
		env = append(env, "BUILDX_METADATA_PROVENANCE=disabled")
	}
	if b.Settings.Attestations == variables.AttestationsNone {
		env = append(env, "BUILDX_NO_DEFAULT_ATTESTATIONS=true")
	}
	return env
}

// chooseCache returns the cache flags, which are empty if the cache is off. A cache ref that is also an image
// is an error.
func chooseCache(ctx context.Context, request Request, args buildx.Args) (cache.Flags, cache.Scope, error) {
	s := request.Settings
	if s.Mode == variables.ModeOff || args.OnlyChecks {
		return cache.Flags{}, cache.Scope{App: cmp.Or(s.App, appName(request, writerOf(request, args)))}, nil
	}
	scope := scopeOf(ctx, request, args)
	flags, err := cache.FlagsFromSettings(s, scope, outputOf(request, args), request.LookupEnv)
	return flags, scope, err
}

// outputOf returns where the result of a build goes. A caller with ChooseOutput, or with PlaceTarget for a target without
// an output, gets an image.
func outputOf(request Request, args buildx.Args) cache.Output {
	pushed, written := args.Sent()
	placed := request.PlaceTarget != nil && !pushed && !written
	return cache.Output{Images: args.Images(), IsImage: request.ChooseOutput != nil || placed || args.WritesImage()}
}

// close stops the renewal of the sign-ins and the builder, and removes the private folder. It may be called
// more than once. Files that cannot be removed do not fail the build.
func (b *build) close() {
	b.signIn.stopRenewal()
	b.closeBuilder()
	if b.stdin != nil {
		_ = b.stdin.Close()
	}
	_ = b.removeDir()
}

// awaitRemoval waits until the files of the closed builder are removed if the request asks for that.
func (b *build) awaitRemoval() {
	if b.AwaitRemoval {
		b.builder.waitRemoved()
	}
}

// closeAnd closes the build and runs work at the same time. It also returns how long both took.
func (b *build) closeAnd(work func() savedRecord) (savedRecord, time.Duration) {
	begin := time.Now()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		b.close()
	}()
	saved := work()
	<-closed
	return saved, time.Since(begin)
}
