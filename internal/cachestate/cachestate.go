// Package cachestate asks a registry what a cache ref holds. BuildKit does not say: to it a missing cache, and a cache that
// an image was pushed over, are simply no hits.
package cachestate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Kind is what a ref holds.
type Kind string

// The kinds.
const (
	// Cache is a cache that BuildKit wrote.
	Cache Kind = "cache"
	// Image is anything else: an image that took the cache's place.
	Image Kind = "image"
	// Absent means that the repository is there and the tag is not.
	Absent Kind = "absent"
	// NoRepository means that the registry knows no such repository.
	NoRepository Kind = "no-repository"
	// Unknown means that the registry did not tell.
	Unknown Kind = "unknown"
)

// cacheConfig is the media type of the config of a cache manifest.
//
// https://github.com/moby/buildkit/blob/v0.33.0/cache/remotecache/v1/types/spec.go
const cacheConfig = "application/vnd.buildkit.cacheconfig.v0"

// timeout bounds the question; the build goes on meanwhile and does not depend on the answer.
const timeout = 5 * time.Second

// Of returns what each ref holds, asking for all at once.
func Of(ctx context.Context, refs []string, keychain authn.Keychain) map[string]Kind {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type answer struct {
		ref  string
		kind Kind
	}
	answers := make(chan answer)
	for _, ref := range refs {
		go func() { answers <- answer{ref, of(ctx, ref, keychain)} }()
	}
	kinds := map[string]Kind{}
	for range refs {
		got := <-answers
		kinds[got.ref] = got.kind
	}
	return kinds
}

func of(ctx context.Context, ref string, keychain authn.Keychain) Kind {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return Unknown
	}
	got, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	if err != nil {
		return kindOfError(err)
	}
	return kindOfManifest(got.Manifest)
}

func kindOfError(err error) Kind {
	var response *transport.Error
	if !errors.As(err, &response) || response.StatusCode != http.StatusNotFound {
		return Unknown
	}
	for _, diagnostic := range response.Errors {
		if diagnostic.Code == transport.NameUnknownErrorCode {
			return NoRepository
		}
	}
	return Absent
}

// kindOfManifest reads an image manifest or an index; either can be a cache.
func kindOfManifest(content []byte) Kind {
	var manifest struct {
		Config    struct{ MediaType string }
		Manifests []struct{ MediaType string }
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return Unknown
	}
	if manifest.Config.MediaType == cacheConfig {
		return Cache
	}
	for _, entry := range manifest.Manifests {
		if entry.MediaType == cacheConfig {
			return Cache
		}
	}
	return Image
}
