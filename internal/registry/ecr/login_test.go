package ecr

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"testing"
	"time"

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
	irelandDual = "111122223333.dkr-ecr.eu-west-1.on.aws"
	role        = "arn:aws:iam::444455556666:role/cache"
	virginiaFIP = "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com"
	secret      = "s3cr3t:with:colons"
)

// fake is a fake ECR API for every region. It counts the calls.
type fake struct {
	mutex  sync.Mutex
	calls  map[source]int
	answer func(source) (*ecr.GetAuthorizationTokenOutput, error)
}

type fakeAPI struct {
	fake *fake
	from source
}

func (f *fake) client(_ context.Context, from source) (tokenAPI, error) {
	return fakeAPI{f, from}, nil
}

func (f fakeAPI) GetAuthorizationToken(ctx context.Context, _ *ecr.GetAuthorizationTokenInput, _ ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error) {
	f.fake.mutex.Lock()
	defer f.fake.mutex.Unlock()
	f.fake.calls[f.from]++
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return f.fake.answer(f.from)
}

func answering(answer func(source) (*ecr.GetAuthorizationTokenOutput, error)) *fake {
	return &fake{calls: map[source]int{}, answer: answer}
}

func tokenOf(text string) *ecr.GetAuthorizationTokenOutput {
	return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{AuthorizationToken: aws.String(text)}}}
}

// registriesAt returns the registries of the hosts, without a role.
func registriesAt(hosts ...string) []Registry {
	var registries []Registry
	for _, host := range hosts {
		registries = append(registries, Registry{Host: host})
	}
	return registries
}

// signIns returns USER:PASSWORD by host.
func signIns(logins *Logins) map[string]string {
	found := map[string]string{}
	for host, credential := range logins.Credentials() {
		found[host] = credential.Username + ":" + credential.Password
	}
	return found
}

// regional returns a different password for each region.
func regional(from source) (*ecr.GetAuthorizationTokenOutput, error) {
	return tokenOf(base64.StdEncoding.EncodeToString([]byte("AWS:" + secret + from.region))), nil
}

func TestThereIsOneCallForEachRegionAndKindOfEndpoint(t *testing.T) {
	cases := []struct {
		name  string
		hosts []string
		calls map[source]int
	}{
		{"no host", nil, map[source]int{}},
		{"hosts outside ECR", []string{"docker.io", "localhost:5000", "evil-" + ireland + ".example.com"}, map[source]int{}},
		{"one host", []string{ireland}, map[source]int{{region: "eu-west-1"}: 1}},
		{"the same host twice", []string{ireland, ireland}, map[source]int{{region: "eu-west-1"}: 1}},
		{"two accounts in one region", []string{ireland, irelandToo}, map[source]int{{region: "eu-west-1"}: 1}},
		{"two regions", []string{ireland, virginia}, map[source]int{{region: "eu-west-1"}: 1, {region: "us-east-1"}: 1}},
		{"a host and its dual-stack form", []string{ireland, irelandDual}, map[source]int{{region: "eu-west-1"}: 1, {region: "eu-west-1", dualStack: true}: 1}},
		{"a region and its FIPS endpoint", []string{virginia, virginiaFIP}, map[source]int{{region: "us-east-1"}: 1, {region: "us-east-1", fips: true}: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			api := answering(regional)
			_, err := login(context.Background(), registriesAt(c.hosts...), api.client)
			require.NoError(t, err)
			assert.Equal(t, c.calls, api.calls)
		})
	}
}

func TestThereIsOneCallForEachIdentity(t *testing.T) {
	api := answering(func(from source) (*ecr.GetAuthorizationTokenOutput, error) {
		return tokenOf(base64.StdEncoding.EncodeToString([]byte("AWS:" + from.role))), nil
	})
	got, err := login(context.Background(), []Registry{{ireland, ""}, {irelandToo, role}, {virginia, role}}, api.client)
	require.NoError(t, err)
	assert.Equal(t, map[source]int{{region: "eu-west-1"}: 1, {region: "eu-west-1", role: role}: 1, {region: "us-east-1", role: role}: 1}, api.calls)
	assert.Equal(t, map[string]string{ireland: "AWS:", irelandToo: "AWS:" + role, virginia: "AWS:" + role}, signIns(got))
}

func TestARoleThatCannotBeAssumedIsNamed(t *testing.T) {
	_, err := login(context.Background(), []Registry{{ireland, role}}, answering(func(source) (*ecr.GetAuthorizationTokenOutput, error) {
		return nil, errors.New("AccessDenied")
	}).client)
	require.EqualError(t, err, "sign in to ECR in eu-west-1 as "+role+": AccessDenied")
}

func TestACredentialHasItsLifetime(t *testing.T) {
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		given *time.Time
		want  time.Time
	}{
		"the response has an expiry":               {&ends, ends},
		"the response has no expiry: twelve hours": {nil, time.Now().Add(12 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			logins, err := login(context.Background(), registriesAt(ireland), answering(func(from source) (*ecr.GetAuthorizationTokenOutput, error) {
				out, err := regional(from)
				out.AuthorizationData[0].ExpiresAt = c.given
				return out, err
			}).client)
			require.NoError(t, err)
			assert.WithinDuration(t, c.want, logins.Credentials()[ireland].Expires, time.Minute)
			assert.WithinDuration(t, time.Now(), logins.Credentials()[ireland].Obtained, time.Minute)
		})
	}
}

func TestEveryHostGetsTheCredentialOfItsRegion(t *testing.T) {
	got, err := login(context.Background(), registriesAt(virginia, "docker.io", irelandToo, ireland), answering(regional).client)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		ireland:    "AWS:" + secret + "eu-west-1",
		irelandToo: "AWS:" + secret + "eu-west-1",
		virginia:   "AWS:" + secret + "us-east-1",
	}, signIns(got))
}

func TestAnErrorNamesTheRegionAndContainsNoSecret(t *testing.T) {
	cases := []struct {
		name, message string
		answer        func(source) (*ecr.GetAuthorizationTokenOutput, error)
	}{
		{"the call fails", "AccessDenied", func(source) (*ecr.GetAuthorizationTokenOutput, error) { return nil, errors.New("AccessDenied") }},
		{"the response is empty", "no token", func(source) (*ecr.GetAuthorizationTokenOutput, error) { return &ecr.GetAuthorizationTokenOutput{}, nil }},
		{"the token is absent", "USER:PASSWORD", func(source) (*ecr.GetAuthorizationTokenOutput, error) {
			return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{}}}, nil
		}},
		{"the token is not base64", "not base64", func(source) (*ecr.GetAuthorizationTokenOutput, error) { return tokenOf(secret), nil }},
		{"the token has no user", "USER:PASSWORD", func(source) (*ecr.GetAuthorizationTokenOutput, error) {
			return tokenOf(base64.StdEncoding.EncodeToString([]byte("s3cr3t"))), nil
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := login(context.Background(), registriesAt(ireland), answering(c.answer).client)
			require.ErrorContains(t, err, "sign in to ECR in eu-west-1: ")
			assert.ErrorContains(t, err, c.message)
			assert.NotContains(t, err.Error(), "s3cr3t")
			assert.NotContains(t, err.Error(), base64.StdEncoding.EncodeToString([]byte("s3cr3t")))
			assert.Empty(t, got.Credentials())
		})
	}
}

func TestOtherRegionsAreSignedInWhenOneFails(t *testing.T) {
	got, err := login(context.Background(), registriesAt(ireland, virginia), answering(func(from source) (*ecr.GetAuthorizationTokenOutput, error) {
		if from.region == "us-east-1" {
			return nil, errors.New("no route")
		}
		return regional(from)
	}).client)
	require.ErrorContains(t, err, "us-east-1: no route")
	assert.Equal(t, map[string]string{ireland: "AWS:" + secret + "eu-west-1"}, signIns(got))
}

func TestTheErrorNamesEveryRegionThatFails(t *testing.T) {
	_, err := login(context.Background(), registriesAt(ireland, virginia), answering(func(source) (*ecr.GetAuthorizationTokenOutput, error) {
		return nil, errors.New("no route")
	}).client)
	require.ErrorContains(t, err, "us-east-1")
	assert.ErrorContains(t, err, "eu-west-1")
}

func TestAClientThatCannotBeCreatedIsAnErrorOfItsRegion(t *testing.T) {
	_, err := login(context.Background(), registriesAt(ireland), func(context.Context, source) (tokenAPI, error) {
		return nil, errors.New("no credentials")
	})
	require.EqualError(t, err, "sign in to ECR in eu-west-1: no credentials")
}

func TestACancelledContextEndsTheLogin(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := login(ctx, registriesAt(ireland), answering(regional).client)
	require.ErrorIs(t, err, context.Canceled)
}
