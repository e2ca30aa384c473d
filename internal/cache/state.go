package cache

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/s3"
)

// Kind is what a ref holds.
type Kind string

// The kinds.
const (
	// KindCache is a cache that BuildKit wrote.
	KindCache Kind = "cache"
	// KindImage is anything else, such as an image that overwrote the cache.
	KindImage Kind = "image"
	// KindAbsent means that the repository exists and the tag does not, or that Clear replaced the cache.
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
	// Throttled is the error when the registry throttled the query until its time was over; nil otherwise.
	Throttled error
}

// largestImport is the largest size in bytes of a cache's manifest or config that BuildKit reads.
//
// https://github.com/moby/buildkit/blob/v0.34.2/cache/remotecache/import.go (readBlob)
const largestImport = 1 << 20

// TooLarge reports whether the cache is too large for BuildKit to import.
func (s State) TooLarge() bool {
	return s.ConfigBytes > largestImport || s.ManifestBytes > largestImport
}

// IsAbsent reports whether there is no cache, and nothing else in its place.
func (s State) IsAbsent() bool { return s.Kind == KindAbsent || s.Kind == KindNoRepository }

// cacheConfig is the media type of the config of a cache manifest.
//
// https://github.com/moby/buildkit/blob/v0.34.2/cache/remotecache/v1/types/spec.go
const cacheConfig = "application/vnd.buildkit.cacheconfig.v0"

// QueryStates returns the state of each ref. It queries all refs in parallel.
func QueryStates(ctx context.Context, refs []string, keychain authn.Keychain) map[string]State {
	return inParallel(refs, func(ref string) State { return queryState(ctx, ref, keychain) })
}

// inParallel returns the result of query for each ref.
func inParallel(refs []string, query func(ref string) State) map[string]State {
	type answer struct {
		ref   string
		state State
	}
	answers := make(chan answer)
	for _, ref := range refs {
		go func() { answers <- answer{ref, query(ref)} }()
	}
	states := map[string]State{}
	for range refs {
		got := <-answers
		states[got.ref] = got.state
	}
	return states
}

// StateInFolder returns the state of a cache of mode "local": cache or absent, or unknown if the folder cannot be read.
func StateInFolder(dir string) State {
	switch _, err := os.Stat(filepath.Join(dir, folderIndex)); {
	case err == nil:
		return State{Kind: KindCache}
	case errors.Is(err, fs.ErrNotExist):
		return State{Kind: KindAbsent}
	}
	return State{Kind: KindUnknown}
}

// folderIndex is the file of an OCI layout that names its content.
const folderIndex = "index.json"

// QueryBucket returns the state of each cache in S3: cache or absent, or unknown if S3 gives no usable answer, as to a
// caller that may not list the bucket. nameOf returns a cache's name below the place of the client. It queries all
// caches in parallel.
func QueryBucket(ctx context.Context, refs []string, nameOf func(ref string) string, client *s3.Client) map[string]State {
	return inParallel(refs, func(ref string) State {
		switch _, err := client.Written(ctx, bucketManifests+nameOf(ref)); {
		case err == nil:
			return State{Kind: KindCache}
		case s3.IsNotFound(err):
			return State{Kind: KindAbsent}
		case errors.Is(err, context.DeadlineExceeded):
			return State{Kind: KindUnknown, Unreached: err}
		}
		return State{Kind: KindUnknown}
	})
}

// bucketManifests comes before the keys of BuildKit's caches in S3.
//
// https://github.com/moby/buildkit/blob/v0.34.2/cache/remotecache/s3/s3.go
const bucketManifests = "manifests/"

func queryState(ctx context.Context, ref string, keychain authn.Keychain) State {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return State{Kind: KindUnknown}
	}
	got, err := remote.Get(parsed, options(ctx, keychain)...)
	if err != nil {
		return stateFromError(err)
	}
	state := parse(got.Manifest)
	state.Manifest, state.ManifestBytes = got.Digest.String(), int64(len(got.Manifest))
	return state
}

// options returns the options of every request to a cache's registry: it waits if it is throttled, and is not
// repeated for any other reason.
func options(ctx context.Context, keychain authn.Keychain) []remote.Option {
	return append(throttle.Options(), remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
}

// AwaitRegistry asks the registry of a cache for a blob with the digest, or for the manifest if the digest is
// empty, until it is not throttled any more. It returns an error if that takes longer than ctx allows. It
// returns nil for any other answer, and for none.
func AwaitRegistry(ctx context.Context, ref, digest string, keychain authn.Keychain) error {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil
	}
	if digest != "" {
		var blob v1.Layer
		if blob, err = remote.Layer(parsed.Context().Digest(digest), options(ctx, keychain)...); err == nil {
			// A registry may throttle GET and not HEAD, so the download is begun, and given up.
			var content io.ReadCloser
			if content, err = blob.Compressed(); err == nil {
				_ = content.Close()
			}
		}
	} else {
		_, err = remote.Get(parsed, options(ctx, keychain)...)
	}
	var response *transport.Error
	if errors.As(err, &response) && throttle.Throttles(response.StatusCode) {
		return err
	}
	return nil
}

func stateFromError(err error) State {
	var response *transport.Error
	if !errors.As(err, &response) {
		return State{Kind: KindUnknown, Unreached: err}
	}
	if throttle.Throttles(response.StatusCode) {
		return State{Kind: KindUnknown, Throttled: err}
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
		Config      v1.Descriptor
		Layers      []v1.Descriptor
		Manifests   []v1.Descriptor
		Annotations map[string]string
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return State{Kind: KindUnknown}
	}
	if manifest.Annotations[clearedAnnotation] != "" {
		return State{Kind: KindAbsent}
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
