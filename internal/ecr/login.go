package ecr

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// tokenLife is how long a token is good when the answer does not say.
const tokenLife = 12 * time.Hour

// Registry is a registry to sign in to, and as whom.
type Registry struct {
	Host string
	// Role is the ARN of the IAM role to assume first; empty means the identity that the SDK finds.
	Role string
}

// Credential signs in to a registry. Its password is a secret.
type Credential struct {
	Username, Password string
	// Obtained and Expires are the start and the end of its life.
	Obtained, Expires time.Time
}

// tokenAPI is the one call of the ECR API that a login needs.
type tokenAPI interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

// source is where one token comes from: an endpoint of the API, and an identity.
type source struct {
	region, role    string
	fips, dualStack bool
}

// connect makes a client of a source.
type connect func(context.Context, source) (tokenAPI, error)

// Login signs in to those of the registries that are private ECR registries; the others are left out. There is one API call
// for each region, kind of endpoint and identity, all at once: a token is good for every registry that its principal may
// reach, for 12 hours. The error names what failed; the logins hold the rest.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
func Login(ctx context.Context, registries []Registry) (*Logins, error) {
	return login(ctx, registries, dial)
}

func login(ctx context.Context, registries []Registry, client connect) (*Logins, error) {
	logins := &Logins{hosts: map[source][]string{}, client: client, credentials: map[string]Credential{}}
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

// fetch gets a new token from every source, all at once, and keeps what it gets.
func (l *Logins) fetch(ctx context.Context) error {
	var group sync.WaitGroup
	var problems []error
	for key, hosts := range l.hosts {
		group.Go(func() {
			credential, err := token(ctx, key, l.client)
			l.mutex.Lock()
			defer l.mutex.Unlock()
			if err != nil {
				problems = append(problems, fmt.Errorf("sign in to ECR in %s%s: %w", key.region, key.as(), err))
				return
			}
			for _, host := range hosts {
				l.credentials[host] = credential
			}
		})
	}
	group.Wait()
	slices.SortFunc(problems, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

func (s source) as() string {
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
		return Credential{}, errors.New("the answer holds no token")
	}
	data := out.AuthorizationData[0]
	decoded, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
	if err != nil {
		return Credential{}, errors.New("the token is not base64")
	}
	username, password, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return Credential{}, errors.New("the token is not of the form USER:PASSWORD")
	}
	expires := obtained.Add(tokenLife)
	if data.ExpiresAt != nil {
		expires = *data.ExpiresAt
	}
	return Credential{Username: username, Password: password, Obtained: obtained, Expires: expires}, nil
}
