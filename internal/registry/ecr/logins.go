package ecr

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

const (
	// minRenewalInterval is the shortest time between two renewals.
	minRenewalInterval = time.Second
	// expiredRetryInterval is the time between attempts to renew an expired token.
	expiredRetryInterval = 30 * time.Second
)

// Logins holds the credentials of one build. It is safe for concurrent use.
type Logins struct {
	hosts  map[source][]string
	client connect

	mutex       sync.Mutex
	credentials map[string]Credential
	failed      map[string]error
}

// Failed returns the errors of the sign-ins that failed, by host, unless an earlier one to the same host is still valid.
func (l *Logins) Failed() map[string]error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	failed := maps.Clone(l.failed)
	maps.DeleteFunc(failed, func(host string, _ error) bool { _, has := l.credentials[host]; return has })
	return failed
}

// Credentials returns the current credentials by host.
func (l *Logins) Credentials() map[string]Credential {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return maps.Clone(l.credentials)
}

// KeepFresh renews the credentials until ctx ends. It renews when half of the shortest lifetime is over, so
// that a credential is always valid for about as long again. It calls renewed after each attempt, and failed
// before it when a credential could not be renewed; the next attempt is when half of the remaining time is
// over.
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

// untilRenewal returns how long to wait for the next renewal.
func (l *Logins) untilRenewal(now time.Time) time.Duration {
	wait := defaultTokenLifetime / 2
	for _, credential := range l.Credentials() {
		if !now.Before(credential.Expires) {
			wait = min(wait, expiredRetryInterval)
			continue
		}
		half := credential.Obtained.Add(credential.Expires.Sub(credential.Obtained) / 2)
		if !now.Before(half) {
			half = now.Add(credential.Expires.Sub(now) / 2)
		}
		wait = min(wait, max(minRenewalInterval, half.Sub(now)))
	}
	return wait
}

// Keychain returns a keychain with the credentials, and with the user's own sign-ins for every other host.
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
