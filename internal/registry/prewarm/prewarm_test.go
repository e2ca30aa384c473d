package prewarm

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository is the repository of the images in a cache.
const repository = "/hub/library/base"

// pullThrough is a registry that answers like ECR's pull-through cache: nothing is there before its tag was
// pulled, and what belongs to the image appears only some requests after that.
type pullThrough struct {
	t    *testing.T
	host string
	next http.Handler

	mutex sync.Mutex
	// filling is true while a test stores what the upstream has.
	filling bool
	// known are the references that can be pulled.
	known map[string]bool
	// members are the digests that a pull of a tag imports, by tag.
	members map[string][]string
	// late is how often a request for a layer or a member of an index gets the answer that it is missing.
	late int
	// asked are the requests by method and last part of the path.
	asked []string
}

func newPullThrough(t *testing.T) *pullThrough {
	t.Helper()
	p := &pullThrough{t: t, next: registry.New(registry.Logger(log.New(io.Discard, "", 0))), known: map[string]bool{}, members: map[string][]string{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.host = strings.TrimPrefix(server.URL, "http://")
	return p
}

func (p *pullThrough) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, reference, isManifest := strings.Cut(r.URL.Path, "/manifests/")
	_, digest, isBlob := strings.Cut(r.URL.Path, "/blobs/")
	if !p.filling && (isManifest || isBlob) {
		p.asked = append(p.asked, r.Method+" "+reference+digest)
		if isManifest && !strings.Contains(reference, ":") {
			for _, member := range append(p.members[reference], reference) {
				p.known[member] = true
			}
		}
		isMember := isBlob || strings.Contains(reference, ":")
		if isMember && p.late > 0 && (isBlob || p.known[reference]) {
			p.late--
			http.NotFound(w, r)
			return
		}
		if isManifest && !p.known[reference] {
			http.NotFound(w, r)
			return
		}
	}
	p.next.ServeHTTP(w, r)
}

// upstream stores an image or an index that the tag names at the upstream, and returns its digest.
func (p *pullThrough) upstream(tag string, content interface{ Digest() (v1.Hash, error) }) string {
	p.t.Helper()
	p.setFilling(true)
	defer p.setFilling(false)
	ref, err := name.NewTag(p.host + repository + ":" + tag)
	require.NoError(p.t, err)
	digest, err := content.Digest()
	require.NoError(p.t, err)
	members := []string{digest.String()}
	switch content := content.(type) {
	case v1.ImageIndex:
		require.NoError(p.t, remote.WriteIndex(ref, content))
		listed, err := content.IndexManifest()
		require.NoError(p.t, err)
		for _, each := range listed.Manifests {
			members = append(members, each.Digest.String())
		}
	case v1.Image:
		require.NoError(p.t, remote.Write(ref, content))
	}
	p.members[tag] = members
	return digest.String()
}

func (p *pullThrough) setFilling(filling bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.filling = filling
}

func (p *pullThrough) ref(rest string) string { return p.host + repository + rest }

// prewarm runs with short times, and returns what it prints.
func prewarm(ctx context.Context, images ...string) (string, error) {
	var progress bytes.Buffer
	err := run(ctx, images, puller{keychain: authn.DefaultKeychain, wait: time.Second, interval: time.Millisecond}, &progress)
	return progress.String(), err
}

func newImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(100, 2)
	require.NoError(t, err)
	return image
}

func TestAPinnedImageIsPulledByItsTag(t *testing.T) {
	index, err := random.Index(100, 2, 2)
	require.NoError(t, err)
	listed, err := index.IndexManifest()
	require.NoError(t, err)
	const other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	cases := []struct {
		name string
		// image returns the argument of prewarm for the digest of the tag 1.
		image   func(digest string) string
		prints  string
		problem bool
	}{
		{"a tag", func(string) string { return ":1" }, "ready, 4 layers", false},
		{"a tag and its digest", func(digest string) string { return ":1@" + digest }, "ready, 4 layers", false},
		{"a tag and the digest of one platform", func(string) string { return ":1@" + listed.Manifests[1].Digest.String() }, "ready, 4 layers", false},
		{"a tag and another digest", func(string) string { return ":1@" + other }, "not the pinned digest, and ECR imports only what the tag names", true},
		{"a digest alone that nobody has pulled by tag", func(digest string) string { return "@" + digest }, "ECR imports an image only by its tag: write ", true},
		{"a tag that the upstream does not have", func(string) string { return ":2" }, "MANIFEST_UNKNOWN", true},
		{"neither tag nor digest", func(string) string { return "" }, "expected HOST/PREFIX/NAME:TAG", true},
		{"a digest that is none", func(string) string { return ":1@sha256:12" }, "expected HOST/PREFIX/NAME:TAG", true},
		{"a digest that is none, without a tag", func(string) string { return "@sha256:12" }, "expected HOST/PREFIX/NAME:TAG", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := newPullThrough(t)
			digest := p.upstream("1", index)
			printed, err := prewarm(t.Context(), p.ref(c.image(digest)))
			assert.Contains(t, printed, c.prints)
			assert.Equal(t, c.problem, err != nil, "%v", err)
			assert.NotContains(t, printed, "expires", "a note for an image that the tag names")
		})
	}
}

func TestADigestAloneIsReadyWhenItsTagWasPulled(t *testing.T) {
	p := newPullThrough(t)
	digest := p.upstream("1", newImage(t))
	_, err := prewarm(t.Context(), p.ref(":1"))
	require.NoError(t, err)
	printed, err := prewarm(t.Context(), p.ref("@"+digest))
	require.NoError(t, err)
	assert.Contains(t, printed, "ready, 2 layers")
}

func TestAPinnedImageThatItsTagNoLongerNamesIsNoted(t *testing.T) {
	p := newPullThrough(t)
	old := p.upstream("1", newImage(t))
	_, err := prewarm(t.Context(), p.ref(":1@"+old))
	require.NoError(t, err)
	now := p.upstream("1", newImage(t))
	printed, err := prewarm(t.Context(), p.ref(":1@"+old))
	require.NoError(t, err)
	assert.Contains(t, printed, "the tag is now "+now+": once the pinned image has expired from the cache, it cannot be imported again")
}

func TestAnImportMayStillRunAfterTheFirstPull(t *testing.T) {
	index, err := random.Index(100, 2, 2)
	require.NoError(t, err)
	for name, content := range map[string]interface{ Digest() (v1.Hash, error) }{"an image": newImage(t), "an index": index} {
		t.Run(name, func(t *testing.T) {
			p := newPullThrough(t)
			p.upstream("1", content)
			p.late = 5
			printed, err := prewarm(t.Context(), p.ref(":1"))
			require.NoError(t, err)
			assert.Contains(t, printed, "ready")

			p.late = 1 << 30
			printed, err = prewarm(t.Context(), p.ref(":1"))
			require.Error(t, err)
			assert.Contains(t, printed, "the import did not end in time")

			stopped, stop := context.WithCancel(t.Context())
			stop()
			_, err = prewarm(stopped, p.ref(":1"))
			require.Error(t, err)
		})
	}
}

func TestEachFailureIsPrintedOnce(t *testing.T) {
	p := newPullThrough(t)
	p.upstream("1", newImage(t))
	printed, err := prewarm(t.Context(), p.ref(":2"), p.ref(":1"), "debian")
	assert.Equal(t, 3, strings.Count(printed, "\n"), printed)
	assert.Contains(t, printed, p.ref(":1")+": ready", "an image after one that failed")
	require.Error(t, err)
	assert.Equal(t, "2 of 3 images could not be prewarmed: "+p.ref(":2")+", debian; the reasons are above; correct the arguments or LAYERCACHE_PREWARM, or run `layercache doctor`", err.Error())
}

func TestTextOfARegistryIsOneVisibleLine(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errors":[{"code":"DENIED","message":"no\n\u001b[31mlayercache: ready"}]}`)
	}))
	t.Cleanup(server.Close)
	printed, err := prewarm(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/base:1")
	require.Error(t, err)
	assert.Equal(t, 1, strings.Count(printed, "\n"))
	assert.NotContains(t, printed, "\x1b")
}
