package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/variables"
)

// reachTimeout limits one request to a registry.
const reachTimeout = 15 * time.Second

// Account checks the cache repositories and the mirrors in the settings: sign-in, tags, lifecycle and policy
// of the repository, and the rules of the pull-through cache. image is the repository that builds push to, or
// empty. It skips checks that the caller has no permission for.
func Account(ctx context.Context, s variables.Settings, image string) []Check {
	a := newAccount(ctx, http.DefaultTransport)
	checks := a.check(s)
	if image != "" {
		checks = append(checks, a.image(image)...)
	}
	return checks
}

// account is shared by the checks of one run.
type account struct {
	ctx       context.Context
	transport http.RoundTripper
	// signedIn has the registries and roles of earlier sign-ins, and whether they succeeded.
	signedIn map[ecr.Registry]bool
	// policiesRead has the accounts and regions whose registry policies were checked.
	policiesRead map[string]bool
}

func newAccount(ctx context.Context, transport http.RoundTripper) *account {
	return &account{ctx: ctx, transport: transport, signedIn: map[ecr.Registry]bool{}, policiesRead: map[string]bool{}}
}

// connect returns a client of ECR's API in the registry's region.
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
		return []Check{{"account", Skipped, "neither a repository nor mirrors are set", "set LAYERCACHE_REPOSITORY, or use --repository HOST/NAME"}}
	}
	return checks
}

// repository checks a cache repository. checkName is the name of its check, and write has the settings of
// builds that write to it; nil if they only read it.
func (a *account) repository(checkName, place, role string, write *variables.Settings) []Check {
	setting := "LAYERCACHE_REPOSITORY or --repository"
	if write == nil {
		setting = "LAYERCACHE_FALLBACK_REPOSITORY"
	}
	if location, _, hasName := strings.Cut(place, "/"); hasName {
		if problem := checkHost(checkName, setting, location); problem != nil {
			return []Check{*problem}
		}
	}
	repository, err := name.NewRepository(place, name.StrictValidation)
	if err != nil {
		return []Check{{checkName, Fail, err.Error(), "use HOST/NAME, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/cache/dev"}}
	}
	host, isECR := ecr.ParseHost(repository.RegistryStr())
	if !isECR {
		return a.otherRegistry(checkName, repository)
	}
	checks, signedIn := a.signIn(repository.Registry, role)
	if !signedIn {
		return checks
	}
	client, err := a.connect(host)
	if err != nil {
		return append(checks, Check{checkName, Fail, err.Error(), "correct the AWS configuration"})
	}
	r := ecrRepository{account: a, client: client, host: host, name: repository.RepositoryStr()}
	return append(checks, r.check(checkName, write)...)
}

// signIn signs in to an ECR registry and checks that it answers, once for each registry and role.
func (a *account) signIn(registry name.Registry, role string) (checks []Check, ok bool) {
	key := ecr.Registry{Host: registry.RegistryStr(), Role: role}
	if ok, known := a.signedIn[key]; known {
		return nil, ok
	}
	logins, err := ecr.Login(a.ctx, []ecr.Registry{key})
	a.signedIn[key] = err == nil
	switch {
	case isDenied(err) && role == "":
		return []Check{{"login", Fail, "not allowed to call ecr:GetAuthorizationToken", "allow it on *, or run doctor with the role of the builds"}}, false
	case err != nil:
		return []Check{{"login", Fail, err.Error(), "sign in to AWS (`aws sso login`, `aws configure` or AWS_PROFILE) with an identity that may call ecr:GetAuthorizationToken and, with LAYERCACHE_REPOSITORY_ROLE, sts:AssumeRole"}}, false
	}
	found := "signed in to " + key.Host
	if role != "" {
		found += " as " + role
	}
	return []Check{{"login", OK, found, ""}, a.reach(registry, logins.Keychain())}, true
}

// isDenied reports whether AWS refused a call because of a missing permission.
func isDenied(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && (answer.ErrorCode() == "AccessDeniedException" || answer.ErrorCode() == "AccessDenied")
}

// failedCall returns the check for a call of AWS that failed.
func failedCall(name, action string, err error) Check {
	if isDenied(err) {
		return Check{name, Skipped, "not allowed to call " + action, ""}
	}
	return Check{name, Fail, fmt.Sprintf("%s: %v", action, err), "correct what the error names, then run doctor again"}
}
