package ecr

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARenewalIsDueAtHalfTheLifetime(t *testing.T) {
	now := time.Now()
	lifetime := func(began, ends time.Duration) Credential {
		return Credential{Obtained: now.Add(began), Expires: now.Add(ends)}
	}
	cases := []struct {
		name        string
		credentials []Credential
		want        time.Duration
	}{
		{"no credential", nil, 6 * time.Hour},
		{"a new credential", []Credential{lifetime(0, 12*time.Hour)}, 6 * time.Hour},
		{"a credential of some hours", []Credential{lifetime(-4*time.Hour, 8*time.Hour)}, 2 * time.Hour},
		{"the credential that is due first decides", []Credential{lifetime(0, 12*time.Hour), lifetime(0, time.Hour)}, 30 * time.Minute},
		{"after half its lifetime, half of the remaining time", []Credential{lifetime(-8*time.Hour, 4*time.Hour)}, 2 * time.Hour},
		{"never immediately", []Credential{lifetime(-time.Hour, time.Millisecond)}, time.Second},
		{"an expired credential", []Credential{lifetime(-12*time.Hour, -time.Hour)}, 30 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			logins := &Logins{credentials: map[string]Credential{}}
			for i, credential := range c.credentials {
				logins.credentials[fmt.Sprint(i)] = credential
			}
			assert.Equal(t, c.want, logins.untilRenewal(now))
		})
	}
}

// numbered returns a short-lived token with a new number on each call. The call with the number failing
// returns an error.
func numbered(failing int32) (*fake, *atomic.Int32) {
	var calls atomic.Int32
	return answering(func(source) (*ecr.GetAuthorizationTokenOutput, error) {
		number := calls.Add(1)
		if number == failing {
			return nil, errors.New("throttled")
		}
		out := tokenOf(base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "AWS:%d", number)))
		out.AuthorizationData[0].ExpiresAt = aws.Time(time.Now().Add(time.Second))
		return out, nil
	}), &calls
}

func TestCredentialsAreRenewedUntilTheBuildEnds(t *testing.T) {
	api, _ := numbered(0)
	logins, err := login(t.Context(), registriesAt(ireland), api.client)
	require.NoError(t, err)
	keychain := logins.Keychain()
	assert.Equal(t, "1", passwordFrom(t, keychain))

	ctx, cancel := context.WithCancel(t.Context())
	done, renewed := make(chan struct{}), make(chan string, 10)
	go func() {
		logins.KeepFresh(ctx, func() { renewed <- logins.Credentials()[ireland].Password }, func(err error) { assert.NoError(t, err) })
		close(done)
	}()
	assert.Equal(t, "2", <-renewed)
	assert.NotEqual(t, "1", passwordFrom(t, keychain), "later calls get the new credential")
	cancel()
	<-done
}

func TestARenewalThatFailsIsReportedAndRetried(t *testing.T) {
	api, _ := numbered(2)
	logins, err := login(t.Context(), registriesAt(ireland), api.client)
	require.NoError(t, err)
	logins.credentials[ireland] = Credential{Password: "1", Obtained: time.Now(), Expires: time.Now().Add(time.Minute)}
	logins.credentials["soon"] = Credential{Obtained: time.Now(), Expires: time.Now().Add(2 * time.Second)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed, renewed := make(chan error, 10), make(chan string, 10)
	go logins.KeepFresh(ctx, func() { renewed <- logins.Credentials()[ireland].Password }, func(err error) { failed <- err })
	assert.EqualError(t, <-failed, "sign in to ECR in eu-west-1: throttled")
	assert.Equal(t, "1", <-renewed, "the old credential is kept")
	assert.Equal(t, "3", <-renewed)
}

func TestAKeychainUsesTheUsersSignInsForOtherHosts(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	logins, err := login(t.Context(), registriesAt(ireland), answering(regional).client)
	require.NoError(t, err)
	other, err := name.NewRegistry(virginia)
	require.NoError(t, err)
	got, err := logins.Keychain().Resolve(other)
	require.NoError(t, err)
	assert.Equal(t, authn.Anonymous, got)
}

func passwordFrom(t *testing.T, keychain authn.Keychain) string {
	t.Helper()
	registry, err := name.NewRegistry(ireland)
	require.NoError(t, err)
	found, err := keychain.Resolve(registry)
	require.NoError(t, err)
	config, err := found.Authorization()
	require.NoError(t, err)
	return config.Password
}
