package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// renewedAnnotation holds the time of the last renewal in a cache's manifest, exact enough that two renewals of equal
// caches give two manifests. BuildKit ignores it.
const renewedAnnotation = "dev.layercache.renewed"

// RenewAfter is the age from which an unchanged cache or mount is written again. The rules that expire caches count
// from the last write: after 30 days by default, and they should keep a cache for at least a week.
const RenewAfter = 3 * 24 * time.Hour

// ErrReplaced is the error of Renew for a cache that another build has replaced.
var ErrReplaced = errors.New("another build has replaced the cache")

// Renew pushes the cache's manifest again with the time as an annotation, and returns its new digest. No
// layer is pushed. manifest is the digest that the ref must have.
//
// Lifecycle rules of ECR count from the first push of a manifest: an export that equals an earlier one does
// not renew it, also under another tag. https://github.com/aws/containers-roadmap/issues/2746
func Renew(ctx context.Context, ref, manifest string, now time.Time, keychain authn.Keychain) (string, error) {
	digest, err := renew(ctx, ref, manifest, now, keychain)
	if err != nil {
		return "", fmt.Errorf("renew %s: %w", ref, err)
	}
	return digest, nil
}

func renew(ctx context.Context, ref, manifest string, now time.Time, keychain authn.Keychain) (string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", err
	}
	options := options(ctx, keychain)
	got, err := remote.Get(parsed, options...)
	if err != nil {
		return "", err
	}
	if got.Digest.String() != manifest {
		return "", ErrReplaced
	}
	content, err := annotated(got.Manifest, now)
	if err != nil {
		return "", err
	}
	if err := remote.Put(parsed, rawManifest{content, got.MediaType}, options...); err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// annotated returns the manifest with the time of the renewal. All other fields stay as they are.
func annotated(manifest []byte, now time.Time) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(manifest, &fields); err != nil {
		return nil, err
	}
	annotations := map[string]string{}
	if given, ok := fields["annotations"]; ok && string(given) != "null" {
		if err := json.Unmarshal(given, &annotations); err != nil {
			return nil, err
		}
	}
	annotations[renewedAnnotation] = now.UTC().Format(time.RFC3339Nano)
	encoded, err := json.Marshal(annotations)
	if err != nil {
		return nil, err
	}
	fields["annotations"] = encoded
	return json.Marshal(fields)
}

// rawManifest adapts the bytes of a manifest to remote.Put.
type rawManifest struct {
	content   []byte
	mediaType types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.content, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }
