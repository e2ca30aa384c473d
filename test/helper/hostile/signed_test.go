//go:build linux

package hostile

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/localecr"
)

// signature gives access to a layer until the URL expires.
const signature = "canary0123456789abcdef"

// ECR redirects the pull of a layer to a presigned S3 URL that is valid for an hour. BuildKit quotes this URL
// in the error of a failed pull.
func TestTheErrorOfAFailedPullHasNoSignature(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	registry, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, registry.Close()) })
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: registry.Addr()})
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(store.Close)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256:") {
			address := store.URL + "/layer?X-Amz-Security-Token=" + signature + "&X-Amz-Expires=3600&X-Amz-Signature=" + signature
			http.Redirect(w, r, address, http.StatusTemporaryRedirect)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	p.env["LAYERCACHE_MIRRORS"] = "public.ecr.aws=" + strings.TrimPrefix(front.URL, "http://") + "/ecr-public"

	got := p.image()
	assert.Equal(t, 1, got.exitCode)
	assert.Contains(t, got.log, "X-Amz-Signature=REDACTED", "the log must have the error with the URL")
	p.absent(p.places(got), signature)
}
