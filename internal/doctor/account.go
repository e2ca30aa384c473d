package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/variables"
)

// reachTimeout bounds one question to a registry.
const reachTimeout = 15 * time.Second

// Account checks the cache repositories and the mirrors that the settings name: sign-in, repository, its tags, its lifecycle
// and its policy, and the rules of the pull-through cache. What the caller may not look at is skipped.
func Account(ctx context.Context, s variables.Settings) []Check {
	return newAccount(ctx, http.DefaultTransport).check(s)
}

// account is what the checks of one run share.
type account struct {
	ctx       context.Context
	transport http.RoundTripper
	// signedIn says of each registry and role that was tried whether it let us in.
	signedIn map[ecr.Registry]bool
}

func newAccount(ctx context.Context, transport http.RoundTripper) *account {
	return &account{ctx: ctx, transport: transport, signedIn: map[ecr.Registry]bool{}}
}

// connect makes a client of ECR's API where a registry is.
func (a *account) connect(host ecr.Host) (*awsecr.Client, error) {
	options := []func(*config.LoadOptions) error{config.WithRegion(host.Region)}
	if host.FIPS {
		options = append(options, config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled))
	}
	loaded, err := config.LoadDefaultConfig(a.ctx, options...)
	return awsecr.NewFromConfig(loaded), err
}

func (a *account) check(s variables.Settings) []Check {
	var checks []Check
	if s.Repository != "" {
		checks = append(checks, a.repository("cache", s.Repository, s.RepositoryRole, &s)...)
	}
	if s.FallbackRepository != "" {
		checks = append(checks, a.repository("fallback", s.FallbackRepository, s.RepositoryRole, nil)...)
	}
	for _, mirror := range s.Mirrors {
		checks = append(checks, a.mirror(mirror)...)
	}
	if len(checks) == 0 {
		return []Check{{"account", Skipped, "no repository and no mirrors are set", "set LAYERCACHE_REPOSITORY, or give --repository HOST/NAME"}}
	}
	return checks
}

// repository checks a cache repository; one that is written gets the settings that say what is written.
func (a *account) repository(what, place, role string, written *variables.Settings) []Check {
	repository, err := name.NewRepository(place, name.StrictValidation)
	if err != nil {
		return []Check{{what, Fail, err.Error(), "give HOST/NAME, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev"}}
	}
	host, isECR := ecr.ParseHost(repository.RegistryStr())
	if !isECR {
		return a.otherRegistry(what, repository)
	}
	checks, signedIn := a.signIn(repository.Registry, role)
	if !signedIn {
		return checks
	}
	client, err := a.connect(host)
	if err != nil {
		return append(checks, Check{what, Fail, err.Error(), "correct the AWS configuration"})
	}
	r := ecrRepository{account: a, client: client, host: host, name: repository.RepositoryStr()}
	return append(checks, r.check(what, written)...)
}

// signIn signs in to an ECR registry and asks whether it answers; once for each registry and role.
func (a *account) signIn(registry name.Registry, role string) (checks []Check, ok bool) {
	who := ecr.Registry{Host: registry.RegistryStr(), Role: role}
	if ok, known := a.signedIn[who]; known {
		return nil, ok
	}
	logins, err := ecr.Login(a.ctx, []ecr.Registry{who})
	a.signedIn[who] = err == nil
	switch {
	case isDenied(err) && role == "":
		return []Check{{"login", Fail, "not allowed to ecr:GetAuthorizationToken", "allow it on *, or run doctor as the role that builds"}}, false
	case err != nil:
		return []Check{{"login", Fail, err.Error(), "sign in to AWS (`aws sso login`, `aws configure` or AWS_PROFILE) as somebody who may call ecr:GetAuthorizationToken and, with LAYERCACHE_REPOSITORY_ROLE, sts:AssumeRole"}}, false
	}
	found := "signed in to " + who.Host
	if role != "" {
		found += " as " + role
	}
	return []Check{{"login", OK, found, ""}, a.reach(registry, logins.Keychain())}, true
}

// isDenied says that AWS refused a call for want of a permission.
func isDenied(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && (answer.ErrorCode() == "AccessDeniedException" || answer.ErrorCode() == "AccessDenied")
}

// unanswered is the check for a call of AWS that failed.
func unanswered(name, action string, err error) Check {
	if isDenied(err) {
		return Check{name, Skipped, "not allowed to " + action, ""}
	}
	return Check{name, Fail, fmt.Sprintf("%s: %v", action, err), "see what the error says, and run doctor again"}
}
