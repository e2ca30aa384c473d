package build

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildx"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/dockerconfig"
	"github.com/layercache/layercache/internal/ecr"
)

// longestLogin bounds signing in; a build goes on without when it takes longer, and the registry has the last word.
const longestLogin = 10 * time.Second

// loginTimeout is shorter where only the cache needs signing in.
func loginTimeout(request Request, args buildx.Args) time.Duration {
	for _, host := range hostsOf(request, args, cacheref.Refs{}) {
		if _, ok := ecr.ParseHost(host); ok {
			return longestLogin
		}
	}
	return min(longestLogin, cacheTimeout(request.Settings))
}

// login signs in to the ECR registries, keeps the sign-ins fresh until the session is closed, and returns the variables with
// which buildx finds them. Trouble is a warning: the registry itself decides.
func (s *session) login(ctx context.Context, registries []ecr.Registry, timeout time.Duration) (variables []string, failed bool) {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	logins, err := ecr.Login(bounded, registries)
	if err != nil {
		s.warn("%v", err)
	}
	credentials := logins.Credentials()
	if len(credentials) == 0 {
		return nil, err != nil
	}
	dir := filepath.Join(s.dir, "docker")
	var hosts []string
	for host := range credentials {
		hosts = append(hosts, host)
	}
	if err := dockerconfig.Write(dir, dockerconfig.UserDir(), hosts); err != nil {
		s.warn("%v", err)
		return nil, true
	}
	if err := handOut(dir, logins); err != nil {
		s.warn("%v", err)
		return nil, true
	}
	s.keychain = logins.Keychain()
	s.keepFresh(ctx, dir, logins)
	return dockerconfig.Environ(dir), err != nil
}

// keepFresh renews the sign-ins in the background until stopRenewal.
func (s *session) keepFresh(ctx context.Context, dir string, logins *ecr.Logins) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		logins.KeepFresh(ctx, func() {
			if err := handOut(dir, logins); err != nil {
				s.warn("%v", err)
			}
		}, func(err error) { s.warn("%v", err) })
	}()
	s.stopRenewal = func() {
		cancel()
		<-done
	}
}

// handOut has docker's credential helper give the credentials that are good now.
func handOut(dir string, logins *ecr.Logins) error {
	credentials := map[string]dockerconfig.Credential{}
	for host, credential := range logins.Credentials() {
		credentials[host] = dockerconfig.Credential{Username: credential.Username, Password: credential.Password}
	}
	return dockerconfig.StoreCredentials(dir, credentials)
}

// registriesOf are the registries to sign in to, and as whom. Those that the user has signed in to are left to that.
func (s *session) registriesOf(request Request, args buildx.Args, refs cacheref.Refs) []ecr.Registry {
	signedIn, err := dockerconfig.SignedIn(dockerconfig.UserDir())
	if err != nil {
		s.warn("%v", err)
		return nil
	}
	role, others := request.Settings.RepositoryRole, hostsOf(request, args, cacheref.Refs{})
	caches := hostsOfImages([]string{request.Settings.Repository, request.Settings.FallbackRepository})
	var registries []ecr.Registry
	hosts := hostsOf(request, args, refs)
	for _, host := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		registry := ecr.Registry{Host: host}
		if role != "" && slices.Contains(caches, host) {
			switch {
			case signedIn(host):
				s.warn("LAYERCACHE_REPOSITORY_ROLE is not assumed: the Docker configuration has a sign-in for %s, which is used", host)
			case slices.Contains(others, host):
				s.warn("LAYERCACHE_REPOSITORY_ROLE is not assumed: the build's images or mirrors are in %s too, and Docker has one sign-in for each host, "+
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

// hostsOf lists the registries that the build will speak to, as far as the arguments and settings tell.
func hostsOf(request Request, args buildx.Args, refs cacheref.Refs) []string {
	hosts := hostsOfImages(slices.Concat(args.Images(), args.Caches, refs.Imports, []string{refs.Export}))
	for _, mirror := range request.Settings.Mirrors {
		if parsed, err := name.NewRepository(mirror.Location + "/x"); err == nil {
			hosts = append(hosts, parsed.RegistryStr())
		}
	}
	return hosts
}

// hostsOfImages are the registries of those images that have a name.
func hostsOfImages(images []string) []string {
	var hosts []string
	for _, image := range images {
		if parsed, err := name.ParseReference(image); err == nil {
			hosts = append(hosts, parsed.Context().RegistryStr())
		}
	}
	return hosts
}
