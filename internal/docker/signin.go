package docker

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/registry/dockerconfig"
	"github.com/layercache/layercache/internal/registry/ecr"
)

// keychain returns the sign-ins for the repositories: docker's own, else one to ECR with the identity of the job.
// LAYERCACHE_REPOSITORY_ROLE is for the registries of the cache alone.
func (d *docker) keychain(ctx context.Context, caches []string, images ...string) (authn.Keychain, error) {
	signedIn, err := dockerconfig.SignedIn(dockerconfig.UserDir())
	if err != nil {
		return authn.DefaultKeychain, err
	}
	var registries []ecr.Registry
	add := func(repositories []string, role string) {
		for _, repository := range repositories {
			parsed, err := name.NewRepository(repository)
			known := func(other ecr.Registry) bool { return other.Host == parsed.RegistryStr() }
			if err == nil && !signedIn(parsed.RegistryStr()) && !slices.ContainsFunc(registries, known) {
				registries = append(registries, ecr.Registry{Host: parsed.RegistryStr(), Role: role})
			}
		}
	}
	add(images, "")
	add(caches, d.lookup("LAYERCACHE_REPOSITORY_ROLE"))
	logins, err := ecr.Login(ctx, registries)
	if err != nil {
		err = fmt.Errorf("warning: %w", err)
	}
	return logins.Keychain(), err
}
