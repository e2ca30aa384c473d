package ecr

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// LoginFor signs in to the ECR registries of the images, and returns a keychain for them. The keychain falls
// back to the user's own sign-ins for other registries.
func LoginFor(ctx context.Context, images []string) (authn.Keychain, error) {
	var registries []Registry
	for _, image := range images {
		if parsed, err := name.ParseReference(image); err == nil {
			registries = append(registries, Registry{Host: parsed.Context().RegistryStr()})
		}
	}
	logins, err := Login(ctx, registries)
	return logins.Keychain(), err
}
