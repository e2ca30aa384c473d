package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/builder"
	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/dockerconfig"
	"github.com/layercache/layercache/internal/ecr"
	"github.com/layercache/layercache/internal/settings"
)

// loginTimeout bounds signing in; a build goes on without when it takes longer, and the registry has the last word.
const loginTimeout = 10 * time.Second

// session is what one build holds while it runs: a builder, sign-ins and a private folder.
type session struct {
	dir           string
	client        buildx.Client
	builder       *builder.Builder
	builderName   string
	builderKind   string
	builderReason string
	exportsCache  bool
	env           []string
	keychain      authn.Keychain
	warnings      []string
	// loginWait is how much longer signing in took than the builder's start.
	loginWait time.Duration
}

// prepare readies the builder and signs in, side by side.
func prepare(ctx context.Context, request Request, args buildx.Args, client buildx.Client, refs cacheref.Refs) (*session, error) {
	dir, err := os.MkdirTemp("", "layercache-session-")
	if err != nil {
		return nil, fmt.Errorf("make a private folder: %w", err)
	}
	s := &session{dir: dir, client: client, keychain: authn.DefaultKeychain}
	if s.ownsBuilder(args) {
		s.env = append(s.env, "BUILDX_CONFIG="+filepath.Join(dir, "buildx"))
	}
	var builderReady, loginReady time.Time
	var group errgroup.Group
	group.Go(func() error {
		err := s.startBuilder(ctx, request, args)
		builderReady = time.Now()
		return err
	})
	group.Go(func() error {
		s.login(ctx, hostsOf(request, args, refs))
		loginReady = time.Now()
		return nil
	})
	if err := group.Wait(); err != nil {
		s.close()
		return nil, errors.Join(stoppedBy(ctx), err)
	}
	s.loginWait = max(0, loginReady.Sub(builderReady))
	return s, nil
}

func (s *session) ownsBuilder(args buildx.Args) bool { return args.Builder == "" }

// startBuilder readies a builder, unless the caller named one, which is then used as it is.
func (s *session) startBuilder(ctx context.Context, request Request, args buildx.Args) error {
	if !s.ownsBuilder(args) {
		s.builderKind, s.builderReason, s.exportsCache = args.Builder, "--builder", true
		return nil
	}
	b, err := builder.Start(ctx, builder.Options{
		Kind: builderKind(request.Settings), Mirrors: request.Settings.Mirrors, PlainHTTP: request.PlainHTTP, Buildx: s.client, Env: s.env,
	})
	if err != nil {
		return err
	}
	b.Describe(request.stderrOf())
	s.builder, s.builderName = b, b.Name
	s.builderKind, s.builderReason, s.exportsCache = b.Kind, b.Reason, b.ExportsCache
	return nil
}

// builderKind is the setting's. A cache that is left to docker's own builder needs that builder.
func builderKind(s settings.Settings) string {
	if s.Mode == settings.ModeLocal && s.LocalDir == "" && s.Builder == settings.BuilderAuto {
		return settings.BuilderDocker
	}
	return s.Builder
}

// login signs in to the ECR registries among hosts. Trouble is a warning: the registry itself decides.
func (s *session) login(ctx context.Context, hosts []string) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	signed, err := ecr.Login(ctx, hosts)
	if err != nil {
		s.warnings = append(s.warnings, err.Error())
	}
	if len(signed) == 0 {
		return
	}
	credentials := map[string]dockerconfig.Credential{}
	for host, credential := range signed {
		credentials[host] = dockerconfig.Credential(credential)
	}
	dir := filepath.Join(s.dir, "docker")
	if err := dockerconfig.Write(dir, dockerconfig.UserDir(), credentials); err != nil {
		s.warnings = append(s.warnings, err.Error())
		return
	}
	s.env = append(s.env, "DOCKER_CONFIG="+dir)
	s.keychain = ecr.Keychain(signed)
}

// hostsOf lists the registries that the build will speak to, as far as the arguments and settings tell.
func hostsOf(request Request, args buildx.Args, refs cacheref.Refs) []string {
	var hosts []string
	for _, ref := range append(append(args.Images(), refs.Imports...), refs.Export) {
		if parsed, err := name.ParseReference(ref); err == nil {
			hosts = append(hosts, parsed.Context().RegistryStr())
		}
	}
	for _, mirror := range request.Settings.Mirrors {
		if parsed, err := name.NewRepository(mirror.Location + "/x"); err == nil {
			hosts = append(hosts, parsed.RegistryStr())
		}
	}
	return hosts
}

// close stops the builder and removes the private folder. What cannot be removed is no reason to fail a build.
func (s *session) close() {
	if s.builder != nil {
		if err := s.builder.Close(); err != nil {
			s.warnings = append(s.warnings, fmt.Sprintf("the builder left something behind: %v", err))
		}
	}
	_ = os.RemoveAll(s.dir)
}
