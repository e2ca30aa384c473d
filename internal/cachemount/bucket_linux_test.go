package cachemount

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/s3"
)

// fakeBucket is an S3 with one bucket.
type fakeBucket struct {
	lock    sync.Mutex
	objects map[string][]byte
	touched []string
	// written is when all objects were last written.
	written time.Time
	// status answers all reads; 0 means that they work.
	status int
}

func (f *fakeBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	defer f.lock.Unlock()
	content, found := f.objects[r.URL.Path]
	switch {
	case f.status != 0 && r.Method == http.MethodGet:
		w.WriteHeader(f.status)
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		f.touched = append(f.touched, r.URL.Path)
	case r.Method == http.MethodPut:
		f.objects[r.URL.Path], _ = io.ReadAll(r.Body)
	case !found:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("Last-Modified", f.written.UTC().Format(http.TimeFormat))
		_, _ = w.Write(content)
	}
}

// blobs returns the paths of the blobs.
func (f *fakeBucket) blobs() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.objects)), func(path string) bool { return !strings.Contains(path, "/blobs/") })
}

func newBucket(t *testing.T) (*fakeBucket, Store) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key")
	fake := &fakeBucket{objects: map[string][]byte{}, written: time.Now()}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client := s3.NewClient(s3.Place{Bucket: "caches", Prefix: "shop/", Region: "us-east-1", Endpoint: server.URL})
	return fake, InBucket("app--linux-amd64--main", client)
}

func TestAMountInABucket(t *testing.T) {
	fake, store := newBucket(t)
	b := newBuilds(t, store)
	_, result := b.run(writes("a"))
	require.True(t, result.Saved, result.Problem)
	require.Contains(t, fake.objects, "/caches/shop/mounts/app--linux-amd64--main--mount--"+Name("id")+".json")
	found, result := b.run(writes())
	require.Equal(t, []string{"a"}, found)
	require.False(t, result.Saved)
	for path := range fake.objects {
		require.True(t, strings.HasPrefix(path, "/caches/shop/mounts/"), "%s", path)
	}

	for _, path := range fake.blobs() {
		fake.objects[path] = []byte("damaged")
	}
	found, result = b.run(writes("b"))
	require.Empty(t, found)
	require.Contains(t, result.Problem, "not restored")
	require.True(t, result.Saved, "a damaged archive is replaced")

	fake.status = http.StatusServiceUnavailable
	found, result = b.run(writes("c"))
	require.Empty(t, found)
	require.Contains(t, result.Problem, "S3 answers 503")
	fake.status = 0
	found, _ = b.run(writes())
	require.Equal(t, []string{"b"}, found, "an archive that may be readable later is not replaced")
}

func TestBlobsThatABucketHasAlready(t *testing.T) {
	fake, store := newBucket(t)
	_, _ = newBuilds(t, store).run(writes("a"))
	stored, err := store.Load(context.Background(), "id")
	require.NoError(t, err)

	_, err = store.Save(context.Background(), *stored, func(int) {})
	require.NoError(t, err)
	require.Empty(t, fake.touched, "blobs of today")
	fake.written = time.Now().Add(-2 * touchAfter)
	_, err = store.Save(context.Background(), *stored, func(int) {})
	require.NoError(t, err)
	require.ElementsMatch(t, fake.blobs(), fake.touched, "old blobs are written again")

	delete(fake.objects, fake.blobs()[0])
	manifests := len(fake.objects)
	stored.ID = "other"
	_, err = store.Save(context.Background(), *stored, func(int) {})
	require.ErrorContains(t, err, "404", "a manifest never names a blob that is not there")
	require.Len(t, fake.objects, manifests)
}
