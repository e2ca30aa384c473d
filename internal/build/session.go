package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/builder"
	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/settings"
)

// session is what one build holds while it runs: a builder, sign-ins and a private folder.
type session struct {
	dir           string
	client        buildx.Client
	builder       *builder.Builder
	builderName   string
	builderKind   string
	builderReason string
	exportsCache  bool
	// mayBeHeld says that the builder reads a cache that fell silent, and could not be replaced.
	mayBeHeld bool
	env       []string
	keychain  authn.Keychain
	// allowance is what the cache may cost, where it does not answer.
	allowance *allowance
	// stdin is a copy of this process's input, where buildx reads it.
	stdin *os.File
	// loginWait is how much longer signing in took than the builder's start.
	loginWait time.Duration
	// awaitRemoval says that the builder's files are to be gone before the build has ended.
	awaitRemoval bool
	// stopRenewal ends the renewal of the sign-ins, once it is running.
	stopRenewal func()
	*warnings
}

// prepare readies the builder and signs in, side by side; signedIn is called as soon as the registries can be asked.
func prepare(ctx context.Context, request Request, args buildx.Args, client buildx.Client, refs cacheref.Refs, signedIn func(authn.Keychain)) (*session, error) {
	dir, err := os.MkdirTemp("", "layercache-session-")
	if err != nil {
		return nil, fmt.Errorf("make a private folder: %w", err)
	}
	s := &session{
		dir: dir, client: client, keychain: authn.DefaultKeychain, warnings: &warnings{},
		allowance: &allowance{total: cacheTimeout(request.Settings)}, awaitRemoval: request.AwaitRemoval,
	}
	var docker []string
	var failed bool
	var builderReady, loginReady time.Time
	var group errgroup.Group
	group.Go(func() error {
		err := s.startBuilder(ctx, request, args)
		builderReady = time.Now()
		return err
	})
	group.Go(func() error {
		docker, failed = s.login(ctx, s.registriesOf(request, args, refs), loginTimeout(request, args))
		loginReady = time.Now()
		signedIn(s.keychain)
		return nil
	})
	if err := group.Wait(); err != nil {
		s.close()
		return nil, errors.Join(stoppedBy(ctx), err)
	}
	s.env = append(s.env, docker...)
	if !readsHistory(args) {
		// buildx would look for the provenance that belongs into a metadata file; ours is read for the image's digest alone.
		s.env = append(s.env, "BUILDX_METADATA_PROVENANCE=disabled")
	}
	s.loginWait = max(0, loginReady.Sub(builderReady))
	if failed {
		s.allowance.spend(s.loginWait)
	}
	return s, nil
}

// startBuilder readies a builder, unless the caller named one, which is then used as it is.
func (s *session) startBuilder(ctx context.Context, request Request, args buildx.Args) error {
	if args.Builder != "" {
		s.builderKind, s.builderReason, s.exportsCache = args.Builder, "--builder", true
		s.useBuildxFolder(buildx.ConfigDir())
		return nil
	}
	s.useBuildxFolder(filepath.Join(s.dir, "buildx"))
	b, err := builder.Start(ctx, builder.Options{
		Kind: builderKind(request.Settings), Mirrors: request.Settings.Mirrors, Parallelism: request.Settings.Parallelism,
		PlainHTTP: request.PlainHTTP, Buildx: s.client, Env: s.env, NoHistory: !readsHistory(args), S3: request.Settings.Mode == settings.ModeS3,
	})
	if err != nil {
		return err
	}
	if b.Shared {
		s.useBuildxFolder(buildx.ConfigDir())
	}
	b.Describe(request.stderrOf())
	s.builder, s.builderName = b, b.Name
	s.builderKind, s.builderReason, s.exportsCache = b.Kind, b.Reason, b.ExportsCache
	return nil
}

// readsHistory says that the builder's record of the build ends up in the caller's metadata file, as its provenance.
func readsHistory(args buildx.Args) bool { return args.MetadataFile != "" }

// useBuildxFolder says where buildx keeps what it knows of builders; it would else be in the private Docker configuration.
func (s *session) useBuildxFolder(dir string) {
	s.env = nil
	if dir != "" {
		s.env = []string{"BUILDX_CONFIG=" + dir}
	}
}

// builderKind is the setting's. A cache that is left to docker's own builder needs that builder.
func builderKind(s settings.Settings) string {
	if s.Mode == settings.ModeLocal && s.LocalDir == "" && s.Builder == settings.BuilderAuto {
		return settings.BuilderDocker
	}
	return s.Builder
}

// close stops the renewal and the builder, and removes the private folder. What cannot be removed is no reason to fail a build.
func (s *session) close() {
	if s.stopRenewal != nil {
		s.stopRenewal()
	}
	if s.builder != nil {
		if err := s.builder.Close(); err != nil {
			s.warn("the builder left something behind: %v", err)
		}
		if s.awaitRemoval {
			_ = s.builder.Wait()
		}
	}
	if s.stdin != nil {
		_ = s.stdin.Close()
	}
	_ = os.RemoveAll(s.dir)
}
