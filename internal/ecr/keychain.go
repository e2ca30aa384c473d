package ecr

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Keychain hands the credentials to calls of the registries, and the user's own sign-ins for every other host.
func Keychain(credentials map[string]Credential) authn.Keychain {
	return authn.NewMultiKeychain(keychain(credentials), authn.DefaultKeychain)
}

type keychain map[string]Credential

func (k keychain) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	credential, ok := k[resource.RegistryStr()]
	if !ok {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: credential.Username, Password: credential.Password}, nil
}

// LoginFor signs in to the ECR registries among those of the image names, and returns a keychain for all of them.
func LoginFor(ctx context.Context, images []string) (authn.Keychain, error) {
	var hosts []string
	for _, image := range images {
		if parsed, err := name.ParseReference(image); err == nil {
			hosts = append(hosts, parsed.Context().RegistryStr())
		}
	}
	credentials, err := Login(ctx, hosts)
	return Keychain(credentials), err
}
