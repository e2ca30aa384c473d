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

func TestARenewalIsDueInTheMiddle(t *testing.T) {
	now := time.Now()
	life := func(began, ends time.Duration) Credential {
		return Credential{Obtained: now.Add(began), Expires: now.Add(ends)}
	}
	cases := []struct {
		name        string
		credentials []Credential
		want        time.Duration
	}{
		{"no credential", nil, 6 * time.Hour},
		{"a new one", []Credential{life(0, 12*time.Hour)}, 6 * time.Hour},
		{"one that is some hours old", []Credential{life(-4*time.Hour, 8*time.Hour)}, 2 * time.Hour},
		{"the one that is due first counts", []Credential{life(0, 12*time.Hour), life(0, time.Hour)}, 30 * time.Minute},
		{"after its middle, half of what is left", []Credential{life(-8*time.Hour, 4*time.Hour)}, 2 * time.Hour},
		{"never at once", []Credential{life(-time.Hour, time.Millisecond)}, time.Second},
		{"one that has ended", []Credential{life(-12*time.Hour, -time.Hour)}, 30 * time.Second},
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

// numbered gives a token of a short life and a number of its own with each call; the call that fails gives none.
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
	logins, err := login(t.Context(), at(ireland), api.client)
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
	assert.NotEqual(t, "1", passwordFrom(t, keychain), "whoever asks later gets the new one")
	cancel()
	<-done
}

func TestARenewalThatFailsIsToldAndTriedAgain(t *testing.T) {
	api, _ := numbered(2)
	logins, err := login(t.Context(), at(ireland), api.client)
	require.NoError(t, err)
	logins.credentials[ireland] = Credential{Password: "1", Obtained: time.Now(), Expires: time.Now().Add(time.Minute)}
	logins.credentials["soon"] = Credential{Obtained: time.Now(), Expires: time.Now().Add(2 * time.Second)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed, renewed := make(chan error, 10), make(chan string, 10)
	go logins.KeepFresh(ctx, func() { renewed <- logins.Credentials()[ireland].Password }, func(err error) { failed <- err })
	assert.EqualError(t, <-failed, "sign in to ECR in eu-west-1: throttled")
	assert.Equal(t, "1", <-renewed, "what there is stays")
	assert.Equal(t, "3", <-renewed)
}

func TestAKeychainLeavesOtherHostsToTheUser(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	logins, err := login(t.Context(), at(ireland), answering(regional).client)
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
