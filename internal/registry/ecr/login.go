package ecr

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// defaultTokenLifetime applies when the response has no expiry.
const defaultTokenLifetime = 12 * time.Hour

// Registry is a registry to sign in to.
type Registry struct {
	Host string
	// Role is the ARN of the IAM role to assume first; empty means the SDK's default identity.
	Role string
}

// Credential is a user name and a password for a registry. The password is a secret.
type Credential struct {
	Username, Password string
	// Obtained and Expires are the start and the end of its lifetime.
	Obtained, Expires time.Time
}

// tokenAPI is the part of the ECR API that a login needs.
type tokenAPI interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

// source identifies where a token comes from: an endpoint of the API and an identity.
type source struct {
	region, role    string
	fips, dualStack bool
}

// connect returns a client for a source.
type connect func(context.Context, source) (tokenAPI, error)

// Login signs in to the private ECR registries among the registries; others are ignored. It makes one API
// call for each region, kind of endpoint and identity, in parallel: a token is valid for 12 hours and for
// every registry that its principal may access. The error names each sign-in that failed; the logins hold the
// others.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
func Login(ctx context.Context, registries []Registry) (*Logins, error) {
	return login(ctx, registries, dial)
}

func login(ctx context.Context, registries []Registry, client connect) (*Logins, error) {
	logins := &Logins{hosts: map[source][]string{}, client: client, credentials: map[string]Credential{}, failed: map[string]error{}}
	for _, registry := range registries {
		if parsed, ok := ParseHost(registry.Host); ok {
			key := source{region: parsed.Region, role: registry.Role, fips: parsed.FIPS, dualStack: parsed.DualStack}
			if !slices.Contains(logins.hosts[key], registry.Host) {
				logins.hosts[key] = append(logins.hosts[key], registry.Host)
			}
		}
	}
	return logins, logins.fetch(ctx)
}

// fetch gets a new token from every source, in parallel. A source that fails keeps its old token. The errors are in the
// order of the registries' hosts.
func (l *Logins) fetch(ctx context.Context) error {
	var group sync.WaitGroup
	keys := slices.SortedFunc(maps.Keys(l.hosts), func(a, b source) int { return cmp.Compare(l.hosts[a][0], l.hosts[b][0]) })
	problems := make([]error, len(keys))
	for i, key := range keys {
		hosts := l.hosts[key]
		group.Go(func() {
			credential, err := token(ctx, key, l.client)
			l.mutex.Lock()
			defer l.mutex.Unlock()
			if err != nil {
				problems[i] = fmt.Errorf("sign in to ECR in %s%s: %w", key.region, key.asRole(), err)
				for _, host := range hosts {
					l.failed[host] = err
				}
				return
			}
			for _, host := range hosts {
				l.credentials[host] = credential
			}
		})
	}
	group.Wait()
	return errors.Join(problems...)
}

func (s source) asRole() string {
	if s.role == "" {
		return ""
	}
	return " as " + s.role
}

func token(ctx context.Context, key source, client connect) (Credential, error) {
	api, err := client(ctx, key)
	if err != nil {
		return Credential{}, err
	}
	obtained := time.Now()
	out, err := api.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return Credential{}, err
	}
	if len(out.AuthorizationData) == 0 {
		return Credential{}, errors.New("the response contains no token")
	}
	data := out.AuthorizationData[0]
	decoded, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
	if err != nil {
		return Credential{}, errors.New("the token is not base64")
	}
	username, password, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return Credential{}, errors.New("the token does not have the form USER:PASSWORD")
	}
	expires := obtained.Add(defaultTokenLifetime)
	if data.ExpiresAt != nil {
		expires = *data.ExpiresAt
	}
	return Credential{Username: username, Password: password, Obtained: obtained, Expires: expires}, nil
}
