package cache

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
	// KindCache is a cache that BuildKit wrote.
	KindCache Kind = "cache"
	// KindImage is anything else, such as an image that overwrote the cache.
	KindImage Kind = "image"
	// KindAbsent means that the repository exists and the tag does not.
	KindAbsent Kind = "absent"
	// KindNoRepository means that the repository does not exist.
	KindNoRepository Kind = "no-repository"
	// KindUnknown means that the registry gave no usable answer.
	KindUnknown Kind = "unknown"
)

// State describes what a ref holds.
type State struct {
	Kind Kind
	// Manifest is the digest of the manifest at the ref, Config the digest of a cache's config.
	Manifest, Config string
	// ConfigBytes and ManifestBytes are their sizes; Bytes is the total size of a cache.
	ConfigBytes, ManifestBytes, Bytes int64
	// Unreached is the error when the registry could not be reached; nil when it answered, even with an
	// error status.
	Unreached error
}

// LargestImport is the largest size in bytes of a cache's manifest or config that BuildKit reads.
//
// https://github.com/moby/buildkit/blob/v0.33.0/cache/remotecache/import.go
const LargestImport = 1 << 20

// TooLarge reports whether the cache is too large for BuildKit to import.
func (s State) TooLarge() bool {
	return s.ConfigBytes > LargestImport || s.ManifestBytes > LargestImport
}

// cacheConfig is the media type of the config of a cache manifest.
//
// https://github.com/moby/buildkit/blob/v0.33.0/cache/remotecache/v1/types/spec.go
const cacheConfig = "application/vnd.buildkit.cacheconfig.v0"

// QueryStates returns the state of each ref. It queries all refs in parallel.
func QueryStates(ctx context.Context, refs []string, keychain authn.Keychain) map[string]State {
	type answer struct {
		ref   string
		state State
	}
	answers := make(chan answer)
	for _, ref := range refs {
		go func() { answers <- answer{ref, queryState(ctx, ref, keychain)} }()
	}
	states := map[string]State{}
	for range refs {
		got := <-answers
		states[got.ref] = got.state
	}
	return states
}

func queryState(ctx context.Context, ref string, keychain authn.Keychain) State {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return State{Kind: KindUnknown}
	}
	got, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	if err != nil {
		return stateFromError(err)
	}
	state := parse(got.Manifest)
	state.Manifest, state.ManifestBytes = got.Digest.String(), int64(len(got.Manifest))
	return state
}

func stateFromError(err error) State {
	var response *transport.Error
	if !errors.As(err, &response) {
		return State{Kind: KindUnknown, Unreached: err}
	}
	if response.StatusCode != http.StatusNotFound {
		return State{Kind: KindUnknown}
	}
	for _, diagnostic := range response.Errors {
		if diagnostic.Code == transport.NameUnknownErrorCode {
			return State{Kind: KindNoRepository}
		}
	}
	return State{Kind: KindAbsent}
}

// parse reads an image manifest or an index; either can be a cache.
func parse(content []byte) State {
	var manifest struct {
		Config    v1.Descriptor
		Layers    []v1.Descriptor
		Manifests []v1.Descriptor
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return State{Kind: KindUnknown}
	}
	state := State{Kind: KindImage}
	for _, entry := range append(append(manifest.Layers, manifest.Manifests...), manifest.Config) {
		state.Bytes += entry.Size
		if entry.MediaType == cacheConfig {
			state.Kind, state.Config, state.ConfigBytes = KindCache, entry.Digest.String(), entry.Size
		}
	}
	return state
}
