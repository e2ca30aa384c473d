package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// reach asks a registry for /v2/, which answers whoever it lets in.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support
func (a *account) reach(registry name.Registry, keychain authn.Keychain) Check {
	host := registry.RegistryStr()
	err := a.ask(registry, keychain)
	switch status := statusOf(err); {
	case err == nil:
		return Check{"registry", OK, host + " answers", ""}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Check{"registry", Fail, fmt.Sprintf("%s does not let us in: %v", host, err), "sign in as somebody whom it knows"}
	case status != 0:
		return Check{"registry", Fail, fmt.Sprintf("%s: %v", host, err), "see what the registry says, and try again"}
	}
	return Check{"registry", Fail, fmt.Sprintf("%s cannot be reached: %v", host, err),
		"check DNS, proxy and firewall; in a VPC without a way out, ECR needs the endpoints ecr.api, ecr.dkr and the one of S3"}
}

func (a *account) ask(registry name.Registry, keychain authn.Keychain) error {
	ctx, cancel := context.WithTimeout(a.ctx, reachTimeout)
	defer cancel()
	authenticator, err := authn.Resolve(ctx, keychain, registry)
	if err != nil {
		return err
	}
	signed, err := transport.NewWithContext(ctx, registry, authenticator, a.transport, nil)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, registry.Scheme()+"://"+registry.RegistryStr()+"/v2/", nil)
	if err != nil {
		return err
	}
	answer, err := signed.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	return transport.CheckError(answer, http.StatusOK)
}

// otherRegistry checks a repository in a registry that is not ECR's, with the sign-ins of the user's Docker configuration.
func (a *account) otherRegistry(what string, repository name.Repository) []Check {
	check := a.reach(repository.Registry, authn.DefaultKeychain)
	if check.State != OK {
		return []Check{check}
	}
	ctx, cancel := context.WithTimeout(a.ctx, reachTimeout)
	defer cancel()
	_, err := remote.Head(repository.Tag(sampleTag("", "")), remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithTransport(a.transport))
	switch status := statusOf(err); {
	case err == nil || status == http.StatusNotFound:
		return []Check{check, {what, OK, repository.Name() + " may be read", ""}}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return []Check{check, {what, Fail, fmt.Sprintf("%s may not be read: status %d", repository.Name(), status), "docker login " + repository.RegistryStr()}}
	}
	return []Check{check, {what, Fail, err.Error(), "see what the registry says, and try again"}}
}

// statusOf is the HTTP status with which a registry refused; 0 when it did not answer.
func statusOf(err error) int {
	var answer *transport.Error
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}
