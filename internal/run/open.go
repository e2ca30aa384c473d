package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/git"
	"github.com/layercache/layercache/internal/variables"
)

// job is one build that is ready to run. Only a retry changes its builder and arguments.
type job struct {
	Request
	args   buildx.Args
	client buildx.Client
	// dir is a private folder, removed by close.
	dir     string
	scope   cache.Scope
	flags   cache.Flags
	builder activeBuilder
	signIn  signIn
	// lookup queries the caches.
	lookup *cacheLookup
	// labels are those of BUILDX_GIT_LABELS. env are the variables of every call of buildx, in addition to
	// builder.env.
	labels, env []string
	// stdin is a copy of the standard input if buildx reads it.
	stdin  *os.File
	budget *waitBudget
	*warnings
	// begin is when open was called and setup is how long it took. loginWait is how much longer the sign-in
	// took than the start of the builder.
	begin            time.Time
	setup, loginWait time.Duration
}

// open prepares everything that a build needs. The caller closes the job.
func open(ctx context.Context, request Request) (*job, error) {
	begin := time.Now()
	args := buildx.ParseArgs(request.Args)
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
	dir, err := os.MkdirTemp("", "layercache-session-")
	if err != nil {
		return nil, fmt.Errorf("create a private folder: %w", err)
	}
	j := &job{
		Request: request, args: args, client: client, dir: dir, scope: scope, flags: flags,
		budget: newWaitBudget(request.Settings), warnings: &warnings{}, begin: begin,
	}
	if err := j.prepare(ctx); err != nil {
		j.close()
		return nil, errors.Join(stoppedBy(ctx), err)
	}
	j.setup = time.Since(begin)
	return j, nil
}

// prepare starts the builder, and at the same time signs in and then starts to query the caches.
func (j *job) prepare(ctx context.Context) error {
	inputs := make(chan cache.Inputs, 1)
	go func() {
		if j.flags.KeepsRecord() {
			inputs <- readInputs(ctx, j.Request, j.args)
		} else {
			inputs <- cache.Inputs{}
		}
	}()
	var builderReady, loginReady time.Time
	var group errgroup.Group
	group.Go(func() (err error) {
		j.builder, err = startBuilder(ctx, j.builderOptions())
		builderReady = time.Now()
		return err
	})
	group.Go(func() error {
		registries := registriesToSignIn(j.Request, j.args, j.flags.Refs, j.warnings)
		j.signIn = signInTo(ctx, registries, j.dir, loginTimeout(j.Request, j.args), j.warnings)
		loginReady = time.Now()
		j.lookup = startLookup(ctx, j.flags, cacheTimeout(j.Settings), j.signIn.keychain, inputs)
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	j.loginWait = max(0, loginReady.Sub(builderReady))
	if j.signIn.failed {
		j.budget.spend(j.loginWait)
	}
	gitVariables, err := git.Environ(j.dir)
	if err != nil {
		return err
	}
	j.env = append(j.signIn.env, gitVariables...)
	if !readsHistory(j.args) {
		// Otherwise buildx would query the builder for provenance for layercache's own metadata file, which
		// needs only the digest.
		j.env = append(j.env, "BUILDX_METADATA_PROVENANCE=disabled")
	}
	j.labels = sourceLabels(ctx, j.Request, j.args, j.warnings)
	return nil
}

// chooseCache returns the cache flags, which are empty if the cache is off. A cache ref that is also an image
// is an error.
func chooseCache(ctx context.Context, request Request, args buildx.Args) (cache.Flags, cache.Scope, error) {
	s := request.Settings
	scope := cache.Scope{App: appName(s.App, args.Images(), request.Dir)}
	if s.Mode == variables.ModeOff || args.OnlyChecks {
		return cache.Flags{}, scope, nil
	}
	scope.Platform = platformName(args.Platforms, request.Lookup)
	scope.Branch = source.Branch(ctx, s.Branch, request.Lookup, request.Dir)
	flags, err := cache.FlagsFromSettings(s, scope, args.Images(), request.Lookup)
	return flags, scope, err
}

// close stops the renewal of the sign-ins and the builder, and removes the private folder. It may be called
// more than once. Files that cannot be removed do not fail the build.
func (j *job) close() {
	j.signIn.stopRenewal()
	j.closeBuilder()
	if j.AwaitRemoval {
		j.builder.waitRemoved()
	}
	if j.stdin != nil {
		_ = j.stdin.Close()
	}
	_ = os.RemoveAll(j.dir)
}

// closeAnd closes the job and runs work at the same time.
func (j *job) closeAnd(work func() savedRecord) savedRecord {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		j.close()
	}()
	saved := work()
	<-closed
	return saved
}
