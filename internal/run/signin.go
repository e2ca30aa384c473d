package run

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/verdict"
)

// maxLoginWait limits the time for signing in. After it a build continues without a sign-in, and the registry
// may refuse access.
const maxLoginWait = 10 * time.Second

// loginTimeout returns the time for signing in. It is shorter if only the cache needs a sign-in.
func loginTimeout(request Request, args buildx.Args) time.Duration {
	for _, host := range registryHosts(request, args, cache.Refs{}) {
		if _, ok := ecr.ParseHost(host); ok {
			return maxLoginWait
		}
	}
	return min(maxLoginWait, cacheTimeout(request.Settings))
}

// signIn is the result of signing in to the registries.
type signIn struct {
	keychain authn.Keychain
	// env are the variables with which buildx finds the sign-ins.
	env []string
	// failed is true if a sign-in failed. failures has the errors by host.
	failed   bool
	failures verdict.SignIns
	// stop ends the renewal of the sign-ins; nil if there is none.
	stop func()
}

func (s signIn) stopRenewal() {
	if s.stop != nil {
		s.stop()
	}
}

// signInTo signs in to the ECR registries and renews the sign-ins until stopRenewal. Errors are warnings,
// because access may not need a sign-in.
func signInTo(ctx context.Context, registries []ecr.Registry, dir string, timeout time.Duration, w *warnings) signIn {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	logins, err := ecr.Login(bounded, registries)
	if err != nil {
		w.warn("%v", err)
	}
	failures := verdict.SignIns{}
	for host, err := range logins.Failed() {
		failures[host] = err.Error()
	}
	without := signIn{keychain: authn.DefaultKeychain, failed: err != nil, failures: failures}
	credentials := logins.Credentials()
	if len(credentials) == 0 {
		return without
	}
	dir = filepath.Join(dir, "docker")
	hosts := slices.Collect(maps.Keys(credentials))
	if err := dockerconfig.Write(dir, dockerconfig.UserDir(), hosts); err != nil {
		w.warn("%v", err)
		without.failed = true
		return without
	}
	if err := storeCredentials(dir, logins); err != nil {
		w.warn("%v", err)
		without.failed = true
		return without
	}
	return signIn{keychain: logins.Keychain(), env: dockerconfig.Environ(dir), failed: err != nil, failures: failures, stop: keepSignedIn(ctx, dir, logins, w)}
}

// keepSignedIn renews the sign-ins in the background until stop is called.
func keepSignedIn(ctx context.Context, dir string, logins *ecr.Logins, w *warnings) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		logins.KeepFresh(ctx, func() {
			if err := storeCredentials(dir, logins); err != nil {
				w.warn("%v", err)
			}
		}, func(err error) { w.warn("%v", err) })
	}()
	return func() {
		cancel()
		<-done
	}
}

// storeCredentials gives docker's credential helper the credentials that are valid now.
func storeCredentials(dir string, logins *ecr.Logins) error {
	credentials := map[string]dockerconfig.Credential{}
	for host, credential := range logins.Credentials() {
		credentials[host] = dockerconfig.Credential{Username: credential.Username, Password: credential.Password}
	}
	return dockerconfig.StoreCredentials(dir, credentials)
}

// registriesToSignIn lists the registries to sign in to, and the role for each. Registries that the user has
// signed in to are left out.
func registriesToSignIn(request Request, args buildx.Args, refs cache.Refs, w *warnings) []ecr.Registry {
	signedIn, err := dockerconfig.SignedIn(dockerconfig.UserDir())
	if err != nil {
		w.warn("%v", err)
		return nil
	}
	role, others := request.Settings.RepositoryRole, registryHosts(request, args, cache.Refs{})
	caches := hostsOfImages([]string{request.Settings.Repository, request.Settings.FallbackRepository})
	var registries []ecr.Registry
	hosts := registryHosts(request, args, refs)
	for _, host := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		registry := ecr.Registry{Host: host}
		if role != "" && slices.Contains(caches, host) {
			switch {
			case signedIn(host):
				w.warn("LAYERCACHE_REPOSITORY_ROLE is not assumed: the Docker configuration has a sign-in for %s, which is used; to use the role: docker logout %s", host, host)
			case slices.Contains(others, host):
				w.warn("LAYERCACHE_REPOSITORY_ROLE is not assumed: the build's images or mirrors are in %s too, and Docker has one sign-in for each host, "+
					"which is the build's own: allow that identity to use the cache repository, or keep the cache in another account or region", host)
			default:
				registry.Role = role
			}
		}
		if !signedIn(host) {
			registries = append(registries, registry)
		}
	}
	return registries
}

// registryHosts lists the registries that the build will use, as far as its arguments and settings name them.
func registryHosts(request Request, args buildx.Args, refs cache.Refs) []string {
	hosts := hostsOfImages(slices.Concat(args.Images(), args.Caches, refs.Imports, []string{refs.Export}))
	for _, mirror := range request.Settings.Mirrors {
		if parsed, err := name.NewRepository(mirror.Location + "/x"); err == nil {
			hosts = append(hosts, parsed.RegistryStr())
		}
	}
	return hosts
}

// hostsOfImages lists the registries of the images that have a valid name.
func hostsOfImages(images []string) []string {
	var hosts []string
	for _, image := range images {
		if parsed, err := name.ParseReference(image); err == nil {
			hosts = append(hosts, parsed.Context().RegistryStr())
		}
	}
	return hosts
}
