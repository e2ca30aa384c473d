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

// reach checks that a registry answers and accepts the sign-in, with a request of /v2/.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support
func (a *account) reach(registry name.Registry, keychain authn.Keychain) Check {
	host := registry.RegistryStr()
	err := a.requestV2(registry, keychain)
	switch status := statusOf(err); {
	case err == nil:
		return Check{"registry", OK, host + " answers", ""}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Check{"registry", Fail, fmt.Sprintf("%s refused the sign-in: %v", host, err), "sign in to it with an identity that has access"}
	case status != 0:
		return Check{"registry", Fail, fmt.Sprintf("%s: %v", host, err), "correct what the error names, then run doctor again"}
	}
	found := fmt.Sprintf("%s cannot be reached: %v", host, err)
	if text := placeholderIn(host); text != "" {
		return Check{"registry", Fail, found, text + " looks like a placeholder: put the registry's host there"}
	}
	return Check{"registry", Fail, found, "check DNS, proxy and firewall; a VPC without internet access needs the endpoints ecr.api, ecr.dkr, " +
		"S3 for ECR and, with LAYERCACHE_REPOSITORY_ROLE, sts; a first pull through ECR's cache needs internet access anyway"}
}

func (a *account) requestV2(registry name.Registry, keychain authn.Keychain) error {
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

// otherRegistry checks a repository in a registry other than ECR, with the sign-ins of the user's Docker
// configuration.
func (a *account) otherRegistry(checkName string, repository name.Repository) []Check {
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
		return []Check{check, {checkName, OK, repository.Name() + " can be read", ""}}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return []Check{check, {checkName, Fail, fmt.Sprintf("no permission to read %s (status %d)", repository.Name(), status), "docker login " + repository.RegistryStr()}}
	}
	return []Check{check, {checkName, Fail, err.Error(), "correct what the error names, then run doctor again"}}
}

// statusOf returns the HTTP status of a registry's error response, 0 if there was no response.
func statusOf(err error) int {
	var answer *transport.Error
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}
