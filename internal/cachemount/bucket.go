package cachemount

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/s3"
)

// bucketFolder comes before the keys of the mounts of a bucket's caches. BuildKit's own keys begin with blobs/ and
// manifests/.
const bucketFolder = "mounts/"

// touchAfter is the age from which a blob that a new archive needs is written again, as BuildKit does for the layers
// of a cache: rules of the bucket may remove old objects.
//
// https://github.com/moby/buildkit/blob/v0.34.2/cache/remotecache/s3/s3.go (touch_refresh)
const touchAfter = 24 * time.Hour

type bucketStore struct {
	client *s3.Client
	cache  string
}

// InBucket returns the store of the mounts of a cache in S3. cache is the cache's name below the place of the client.
//
// Nothing is removed from the bucket: builds are not allowed to, and caches share blobs.
func InBucket(cache string, client *s3.Client) Store { return bucketStore{client, cache} }

func (s bucketStore) Blobs() string {
	place := s.client.Place()
	return "s3://" + place.Bucket + "/" + place.Prefix
}

func (s bucketStore) manifestKey(id string) string {
	return bucketFolder + cache.MountRef(s.cache, Name(id)) + ".json"
}

// blobKey returns the key of a blob, and its digest in hexadecimal.
func blobKey(blob Blob) (key, sum string, err error) {
	if _, err := blobPath(blob.Digest); err != nil {
		return "", "", err
	}
	sum = strings.TrimPrefix(blob.Digest, "sha256:")
	return bucketFolder + "blobs/" + sum, sum, nil
}

func (s bucketStore) Load(ctx context.Context, id string) (*Stored, error) {
	content, err := s.client.Get(ctx, s.manifestKey(id))
	if s3.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var stored Stored
	if err := json.NewDecoder(io.LimitReader(content, maxManifest)).Decode(&stored); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.manifestKey(id), err)
	}
	if stored.ID != id {
		return nil, nil
	}
	return &stored, nil
}

// maxManifest is the size in bytes up to which a manifest is read.
const maxManifest = 8 << 20

func (s bucketStore) Open(ctx context.Context, _ string, blob Blob) (io.ReadCloser, error) {
	key, _, err := blobKey(blob)
	if err != nil {
		return nil, err
	}
	content, err := s.client.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return verify(content, key, blob.Digest), nil
}

func (s bucketStore) Save(ctx context.Context, archive Stored, moved func(int)) (written int64, err error) {
	var total atomic.Int64
	group, uploads := errgroup.WithContext(ctx)
	group.SetLimit(parallelUploads)
	for _, blob := range append([]Blob{archive.Index}, archive.Packs...) {
		group.Go(func() error {
			added, err := s.saveBlob(uploads, blob, moved)
			total.Add(added)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	content, err := json.Marshal(archive)
	if err != nil {
		return 0, err
	}
	if err := s.client.Put(ctx, s.manifestKey(archive.ID), content); err != nil {
		return 0, err
	}
	return total.Load(), nil
}

// saveBlob uploads a new blob. It checks that an old one is there, and that it is not about to become too old.
func (s bucketStore) saveBlob(ctx context.Context, blob Blob, moved func(int)) (written int64, err error) {
	key, sum, err := blobKey(blob)
	if err != nil {
		return 0, err
	}
	if blob.File != "" {
		return blob.Bytes, s.client.PutFile(ctx, key, blob.File, sum, moved)
	}
	last, err := s.client.Written(ctx, key)
	if err != nil || time.Since(last) < touchAfter {
		return 0, err
	}
	return 0, s.client.Touch(ctx, key)
}
