// Package cachestate asks a registry what a cache ref holds. BuildKit does not say: to it a missing cache, and a cache that
// an image was pushed over, are simply no hits.
package cachestate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
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

// State is what a ref holds, and what is known of it.
type State struct {
	Kind Kind
	// Manifest is the digest of what the ref names, Config the digest of a cache's config.
	Manifest, Config string
	// ConfigBytes and ManifestBytes are their sizes, Bytes is the size of all that a cache holds.
	ConfigBytes, ManifestBytes, Bytes int64
	// Unreached is why the registry could not be asked at all; empty where it answered, be it with a refusal.
	Unreached string
}

// LargestImport is the size from which on BuildKit refuses to read a cache's manifest or config.
//
// https://github.com/moby/buildkit/blob/v0.33.0/cache/remotecache/import.go
const LargestImport = 1 << 20

// TooLarge says that the cache cannot be imported again.
func (s State) TooLarge() bool {
	return s.ConfigBytes > LargestImport || s.ManifestBytes > LargestImport
}

// cacheConfig is the media type of the config of a cache manifest.
//
// https://github.com/moby/buildkit/blob/v0.33.0/cache/remotecache/v1/types/spec.go
const cacheConfig = "application/vnd.buildkit.cacheconfig.v0"

// Of returns what each ref holds, asking for all at once.
func Of(ctx context.Context, refs []string, keychain authn.Keychain) map[string]State {
	type answer struct {
		ref   string
		state State
	}
	answers := make(chan answer)
	for _, ref := range refs {
		go func() { answers <- answer{ref, of(ctx, ref, keychain)} }()
	}
	states := map[string]State{}
	for range refs {
		got := <-answers
		states[got.ref] = got.state
	}
	return states
}

func of(ctx context.Context, ref string, keychain authn.Keychain) State {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return State{Kind: Unknown}
	}
	got, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	if err != nil {
		return stateOfError(err)
	}
	state := stateOf(got.Manifest)
	state.Manifest, state.ManifestBytes = got.Digest.String(), int64(len(got.Manifest))
	return state
}

func stateOfError(err error) State {
	var response *transport.Error
	if !errors.As(err, &response) {
		return State{Kind: Unknown, Unreached: err.Error()}
	}
	if response.StatusCode != http.StatusNotFound {
		return State{Kind: Unknown}
	}
	for _, diagnostic := range response.Errors {
		if diagnostic.Code == transport.NameUnknownErrorCode {
			return State{Kind: NoRepository}
		}
	}
	return State{Kind: Absent}
}

// stateOf reads an image manifest or an index; either can be a cache.
func stateOf(content []byte) State {
	var manifest struct {
		Config    v1.Descriptor
		Layers    []v1.Descriptor
		Manifests []v1.Descriptor
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return State{Kind: Unknown}
	}
	state := State{Kind: Image}
	for _, entry := range append(append(manifest.Layers, manifest.Manifests...), manifest.Config) {
		state.Bytes += entry.Size
		if entry.MediaType == cacheConfig {
			state.Kind, state.Config, state.ConfigBytes = Cache, entry.Digest.String(), entry.Size
		}
	}
	return state
}
