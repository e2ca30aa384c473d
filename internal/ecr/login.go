package ecr

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// Credential signs in to a registry. Its password is a secret.
type Credential struct{ Username, Password string }

// tokenAPI is the one call of the ECR API that a login needs.
type tokenAPI interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

// Login returns a credential for each of hosts that is a private ECR registry, by host. There is one API call for each
// region and endpoint kind, all at once: a token is good for every registry that its principal may reach, for 12 hours.
// Hosts that are not ECR's are left out. Credentials come from the SDK's usual chain.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
func Login(ctx context.Context, hosts []string) (map[string]Credential, error) {
	return login(ctx, hosts, func(ctx context.Context, h Host) (tokenAPI, error) {
		options := []func(*config.LoadOptions) error{config.WithRegion(h.Region)}
		if h.FIPS {
			options = append(options, config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled))
		}
		loaded, err := config.LoadDefaultConfig(ctx, options...)
		if err != nil {
			return nil, err
		}
		return ecr.NewFromConfig(loaded), nil
	})
}

func login(ctx context.Context, hosts []string, client func(context.Context, Host) (tokenAPI, error)) (map[string]Credential, error) {
	type endpoint struct {
		region string
		fips   bool
	}
	byEndpoint := map[endpoint][]string{}
	for _, host := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		if parsed, ok := ParseHost(host); ok {
			key := endpoint{parsed.Region, parsed.FIPS}
			byEndpoint[key] = append(byEndpoint[key], host)
		}
	}

	tokens := make(chan map[string]Credential, len(byEndpoint))
	problems := make(chan error, len(byEndpoint))
	var group sync.WaitGroup
	for key, members := range byEndpoint {
		group.Go(func() {
			credential, err := token(ctx, Host{Region: key.region, FIPS: key.fips}, client)
			if err != nil {
				problems <- fmt.Errorf("sign in to ECR in %s: %w", key.region, err)
				return
			}
			signed := map[string]Credential{}
			for _, host := range members {
				signed[host] = credential
			}
			tokens <- signed
		})
	}
	group.Wait()
	close(tokens)
	close(problems)
	credentials := map[string]Credential{}
	for signed := range tokens {
		for host, credential := range signed {
			credentials[host] = credential
		}
	}
	var err error
	for problem := range problems {
		err = errors.Join(err, problem)
	}
	return credentials, err
}

func token(ctx context.Context, host Host, client func(context.Context, Host) (tokenAPI, error)) (Credential, error) {
	api, err := client(ctx, host)
	if err != nil {
		return Credential{}, err
	}
	out, err := api.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return Credential{}, err
	}
	if len(out.AuthorizationData) == 0 {
		return Credential{}, errors.New("the answer holds no token")
	}
	decoded, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	if err != nil {
		return Credential{}, errors.New("the token is not base64")
	}
	username, password, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return Credential{}, errors.New("the token is not of the form USER:PASSWORD")
	}
	return Credential{Username: username, Password: password}, nil
}
