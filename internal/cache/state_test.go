package cache

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/s3"
)

func TestTheKindFollowsFromTheRegistrysAnswer(t *testing.T) {
	const manifest = "application/vnd.oci.image.manifest.v1+json"
	cases := []struct {
		name, answer string
		status       int
		want         Kind
	}{
		{"a cache manifest", `{"config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0"}}`, 200, KindCache},
		{"a cache in an index, as older exporters write it", `{"manifests":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip"},{"mediaType":"application/vnd.buildkit.cacheconfig.v0"}]}`, 200, KindCache},
		{"an image", `{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"}}`, 200, KindImage},
		{"an image index", `{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json"}]}`, 200, KindImage},
		{"a tag that does not exist", `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`, 404, KindAbsent},
		{"a repository that does not exist", `{"errors":[{"code":"NAME_UNKNOWN"}]}`, 404, KindNoRepository},
		{"no permission", `{"errors":[{"code":"DENIED"}]}`, 403, KindUnknown},
		{"a failing registry", ``, 500, KindUnknown},
		{"an answer that is not a manifest", `<html>`, 200, KindUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				w.Header().Set("Content-Type", manifest)
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.answer))
			}))
			defer server.Close()
			ref := strings.TrimPrefix(server.URL, "http://") + "/cache:main"
			states := QueryStates(t.Context(), []string{ref}, authn.DefaultKeychain)
			require.Len(t, states, 1)
			assert.Equal(t, c.want, states[ref].Kind)
			assert.NoError(t, states[ref].Unreached, "the registry answered")
		})
	}
}

func TestAThrottledQuery(t *testing.T) {
	const manifest = `{"config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0"}}`
	cases := []struct {
		name          string
		status, times int
		retryAfter    string
		want          Kind
		throttled     bool
	}{
		{"is sent again after the wait", 429, 1, "1", KindCache, false},
		{"is sent again if the registry is overloaded", 503, 1, "", KindCache, false},
		{"ends when its time is over", 429, 1000, "1", KindUnknown, true},
		{"is not sent again if the wait does not fit", 429, 1, "30", KindUnknown, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				if refused++; refused <= c.times {
					w.Header().Set("Retry-After", c.retryAfter)
					w.WriteHeader(c.status)
					return
				}
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				_, _ = w.Write([]byte(manifest))
			}))
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			ref := strings.TrimPrefix(server.URL, "http://") + "/cache:main"
			state := QueryStates(ctx, []string{ref}, authn.DefaultKeychain)[ref]
			assert.Equal(t, c.want, state.Kind)
			assert.Equal(t, c.throttled, state.Throttled != nil)
			assert.NoError(t, state.Unreached, "the registry answered")
		})
	}
}

func TestAwaitRegistry(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	cases := []struct {
		name, digest string
		status       int
		fails        bool
	}{
		{"a manifest that is there", "", 200, false},
		{"a manifest that is not", "", 404, false},
		{"a manifest that may not be read", "", 403, false},
		{"a manifest that is throttled", "", 429, true},
		{"a blob that is there", digest, 200, false},
		{"a blob that is not", digest, 404, false},
		{"a blob that is throttled", digest, 503, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				asked = append(asked, r.Method+" "+r.URL.Path)
				w.Header().Set("Retry-After", "30")
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte("{}"))
			}))
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := AwaitRegistry(ctx, strings.TrimPrefix(server.URL, "http://")+"/cache:main", c.digest, authn.DefaultKeychain)
			assert.Equal(t, c.fails, err != nil, "%v", err)
			want := "GET /v2/cache/manifests/main"
			if c.digest != "" {
				want = "GET /v2/cache/blobs/" + c.digest
			}
			assert.Equal(t, []string{want}, asked)
		})
	}
	assert.NoError(t, AwaitRegistry(t.Context(), "localhost:1/cache:a", "", authn.DefaultKeychain), "no answer is no throttling")
	assert.NoError(t, AwaitRegistry(t.Context(), "not a ref", "", authn.DefaultKeychain))
}

func TestAnUnreachableRegistryGivesUnknownAndTheError(t *testing.T) {
	refs := []string{"localhost:1/cache:a", "localhost:1/cache:b", "not a ref"}
	states := QueryStates(t.Context(), refs, authn.DefaultKeychain)
	for _, ref := range refs[:2] {
		assert.Equal(t, KindUnknown, states[ref].Kind)
		assert.ErrorContains(t, states[ref].Unreached, "connection refused")
	}
	assert.Equal(t, State{Kind: KindUnknown}, states["not a ref"])
}

func TestWhatIsKnownOfACache(t *testing.T) {
	const config = `{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"sha256:%s","size":%d}`
	digest := strings.Repeat("0a", 32)
	layers := `[{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":1000},{"size":200}]`
	cases := []struct {
		name, manifest string
		want           State
		tooLarge       bool
	}{
		{"a manifest", `{"config":` + fmt.Sprintf(config, digest, 34) + `,"layers":` + layers + `}`,
			State{Kind: KindCache, Config: "sha256:" + digest, ConfigBytes: 34, Bytes: 1234}, false},
		{"an index", `{"manifests":[{"size":1000},` + fmt.Sprintf(config, digest, 34) + `]}`,
			State{Kind: KindCache, Config: "sha256:" + digest, ConfigBytes: 34, Bytes: 1034}, false},
		{"a config that is one byte too large", `{"config":` + fmt.Sprintf(config, digest, 1<<20+1) + `}`,
			State{Kind: KindCache, Config: "sha256:" + digest, ConfigBytes: 1<<20 + 1, Bytes: 1<<20 + 1}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := parse([]byte(c.manifest))
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.tooLarge, got.TooLarge())
		})
	}
}

func TestStateInFolder(t *testing.T) {
	dir := t.TempDir()
	assert.Equal(t, KindAbsent, StateInFolder(filepath.Join(dir, "none")).Kind)
	assert.Equal(t, KindAbsent, StateInFolder(dir).Kind, "a folder with nothing but a record")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte("{}"), 0o600))
	assert.Equal(t, KindCache, StateInFolder(dir).Kind)
	assert.Equal(t, KindUnknown, StateInFolder(filepath.Join(dir, "index.json")).Kind, "a file instead of a folder")
}

func TestQueryBucket(t *testing.T) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"} {
		t.Setenv(name, value)
	}
	cases := []struct {
		name   string
		status int
		want   Kind
	}{
		{"a cache", 200, KindCache}, {"none", 404, KindAbsent},
		{"a caller that may not list the bucket", 403, KindUnknown}, {"a failing service", 500, KindUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "/caches/builds/manifests/shop", r.URL.Path)
				w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			client := s3.NewClient(s3.Place{Bucket: "caches", Prefix: "builds/", Region: "us-east-1", Endpoint: server.URL})
			states := QueryBucket(t.Context(), []string{"ref"}, func(string) string { return "shop" }, client)
			assert.Equal(t, map[string]State{"ref": {Kind: c.want}}, states)
		})
	}
}

func TestABucketThatDoesNotAnswer(t *testing.T) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"} {
		t.Setenv(name, value)
	}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	client := s3.NewClient(s3.Place{Bucket: "caches", Region: "us-east-1", Endpoint: server.URL})
	state := QueryBucket(ctx, []string{"ref"}, func(string) string { return "shop" }, client)["ref"]
	assert.Equal(t, KindUnknown, state.Kind)
	assert.ErrorIs(t, state.Unreached, context.DeadlineExceeded)
}
