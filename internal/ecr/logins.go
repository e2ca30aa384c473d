package ecr

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

const (
	// soonest is how long a renewal waits at least after the one before.
	soonest = time.Second
	// afterEnd is how long it waits when a token has ended that could not be renewed.
	afterEnd = 30 * time.Second
)

// Logins are the credentials of one build.
type Logins struct {
	hosts  map[source][]string
	client connect

	mutex       sync.Mutex
	credentials map[string]Credential
}

// Credentials are those that are good now, by host.
func (l *Logins) Credentials() map[string]Credential {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return maps.Clone(l.credentials)
}

// KeepFresh renews the credentials until ctx ends, each time that half of the shortest life is over: whoever is handed a
// credential can use it for about as long again. It calls failed when one could not be had, which is tried again when
// half of the rest is over, and renewed after each round.
func (l *Logins) KeepFresh(ctx context.Context, renewed func(), failed func(error)) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.untilRenewal(time.Now())):
		}
		if err := l.fetch(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		renewed()
	}
}

// untilRenewal is how long to wait for the next round.
func (l *Logins) untilRenewal(now time.Time) time.Duration {
	wait := tokenLife / 2
	for _, credential := range l.Credentials() {
		if !now.Before(credential.Expires) {
			wait = min(wait, afterEnd)
			continue
		}
		half := credential.Obtained.Add(credential.Expires.Sub(credential.Obtained) / 2)
		if !now.Before(half) {
			half = now.Add(credential.Expires.Sub(now) / 2)
		}
		wait = min(wait, max(soonest, half.Sub(now)))
	}
	return wait
}

// Keychain hands the credentials to calls of the registries, and the user's own sign-ins for every other host.
func (l *Logins) Keychain() authn.Keychain {
	return authn.NewMultiKeychain(keychain{l}, authn.DefaultKeychain)
}

type keychain struct{ logins *Logins }

func (k keychain) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	credential, ok := k.logins.Credentials()[resource.RegistryStr()]
	if !ok {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: credential.Username, Password: credential.Password}, nil
}
