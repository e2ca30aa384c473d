package ecr

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	ireland     = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
	irelandToo  = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"
	virginia    = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	virginiaFIP = "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com"
	secret      = "s3cr3t:with:colons"
)

// fake answers for every region and keeps count.
type fake struct {
	mutex  sync.Mutex
	calls  map[Host]int
	answer func(Host) (*ecr.GetAuthorizationTokenOutput, error)
}

type fakeAPI struct {
	fake *fake
	host Host
}

func (f *fake) client(_ context.Context, host Host) (tokenAPI, error) {
	return fakeAPI{f, host}, nil
}

func (f fakeAPI) GetAuthorizationToken(ctx context.Context, _ *ecr.GetAuthorizationTokenInput, _ ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error) {
	f.fake.mutex.Lock()
	defer f.fake.mutex.Unlock()
	f.fake.calls[f.host]++
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return f.fake.answer(f.host)
}

func answering(answer func(Host) (*ecr.GetAuthorizationTokenOutput, error)) *fake {
	return &fake{calls: map[Host]int{}, answer: answer}
}

func tokenOf(text string) *ecr.GetAuthorizationTokenOutput {
	return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{AuthorizationToken: aws.String(text)}}}
}

// regional gives each region a password of its own.
func regional(host Host) (*ecr.GetAuthorizationTokenOutput, error) {
	return tokenOf(base64.StdEncoding.EncodeToString([]byte("AWS:" + secret + host.Region))), nil
}

func TestThereIsOneCallForEachRegionAndKindOfEndpoint(t *testing.T) {
	cases := []struct {
		name  string
		hosts []string
		calls map[Host]int
	}{
		{"no host", nil, map[Host]int{}},
		{"hosts that are not ECR's", []string{"docker.io", "localhost:5000", "evil-" + ireland + ".example.com"}, map[Host]int{}},
		{"one host", []string{ireland}, map[Host]int{{Region: "eu-west-1"}: 1}},
		{"the same host twice", []string{ireland, ireland}, map[Host]int{{Region: "eu-west-1"}: 1}},
		{"two accounts in one region", []string{ireland, irelandToo}, map[Host]int{{Region: "eu-west-1"}: 1}},
		{"two regions", []string{ireland, virginia}, map[Host]int{{Region: "eu-west-1"}: 1, {Region: "us-east-1"}: 1}},
		{"a region and its FIPS endpoint", []string{virginia, virginiaFIP}, map[Host]int{{Region: "us-east-1"}: 1, {Region: "us-east-1", FIPS: true}: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			api := answering(regional)
			_, err := login(context.Background(), c.hosts, api.client)
			require.NoError(t, err)
			assert.Equal(t, c.calls, api.calls)
		})
	}
}

func TestEveryHostGetsTheCredentialOfItsRegion(t *testing.T) {
	got, err := login(context.Background(), []string{virginia, "docker.io", irelandToo, ireland}, answering(regional).client)
	require.NoError(t, err)
	assert.Equal(t, map[string]Credential{
		ireland:    {"AWS", secret + "eu-west-1"},
		irelandToo: {"AWS", secret + "eu-west-1"},
		virginia:   {"AWS", secret + "us-east-1"},
	}, got)
}

func TestAnErrorNamesTheRegionAndNoSecret(t *testing.T) {
	cases := []struct {
		name, says string
		answer     func(Host) (*ecr.GetAuthorizationTokenOutput, error)
	}{
		{"the call fails", "AccessDenied", func(Host) (*ecr.GetAuthorizationTokenOutput, error) { return nil, errors.New("AccessDenied") }},
		{"the answer is empty", "no token", func(Host) (*ecr.GetAuthorizationTokenOutput, error) { return &ecr.GetAuthorizationTokenOutput{}, nil }},
		{"the token is absent", "USER:PASSWORD", func(Host) (*ecr.GetAuthorizationTokenOutput, error) {
			return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{}}}, nil
		}},
		{"the token is not base64", "not base64", func(Host) (*ecr.GetAuthorizationTokenOutput, error) { return tokenOf(secret), nil }},
		{"the token has no user", "USER:PASSWORD", func(Host) (*ecr.GetAuthorizationTokenOutput, error) {
			return tokenOf(base64.StdEncoding.EncodeToString([]byte("s3cr3t"))), nil
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := login(context.Background(), []string{ireland}, answering(c.answer).client)
			require.ErrorContains(t, err, "sign in to ECR in eu-west-1: ")
			assert.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "s3cr3t")
			assert.NotContains(t, err.Error(), base64.StdEncoding.EncodeToString([]byte("s3cr3t")))
			assert.Empty(t, got)
		})
	}
}

func TestARegionThatFailsLeavesTheOthersSignedIn(t *testing.T) {
	got, err := login(context.Background(), []string{ireland, virginia}, answering(func(host Host) (*ecr.GetAuthorizationTokenOutput, error) {
		if host.Region == "us-east-1" {
			return nil, errors.New("no route")
		}
		return regional(host)
	}).client)
	require.ErrorContains(t, err, "us-east-1: no route")
	assert.Equal(t, map[string]Credential{ireland: {"AWS", secret + "eu-west-1"}}, got)
}

func TestEveryRegionThatFailsIsNamed(t *testing.T) {
	_, err := login(context.Background(), []string{ireland, virginia}, answering(func(Host) (*ecr.GetAuthorizationTokenOutput, error) {
		return nil, errors.New("no route")
	}).client)
	require.ErrorContains(t, err, "us-east-1")
	assert.ErrorContains(t, err, "eu-west-1")
}

func TestAClientThatCannotBeMadeIsAnErrorOfItsRegion(t *testing.T) {
	_, err := login(context.Background(), []string{ireland}, func(context.Context, Host) (tokenAPI, error) {
		return nil, errors.New("no credentials")
	})
	require.EqualError(t, err, "sign in to ECR in eu-west-1: no credentials")
}

func TestACancelledLoginIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := login(ctx, []string{ireland}, answering(regional).client)
	require.ErrorIs(t, err, context.Canceled)
}
