package cache

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		{"a failing registry", ``, 503, KindUnknown},
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
