package run

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/variables"
)

func TestAPinnedImageThatNoMirrorServesIsNoticed(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	cases := []struct {
		name, image string
		// hub and second are the statuses of two mirrors of docker.io; 0 means that there is no second one.
		hub, second int
		want        string
	}{
		{"the mirror has it", "docker.io/library/alpine:3.22" + digest, 200, 0, ""},
		{"the mirror does not have it", "docker.io/library/alpine:3.22" + digest, 404, 0, "is pulled from docker.io, not from its mirror: HUB/hub does not have it"},
		{"the mirror refuses it", "docker.io/library/alpine" + digest, 403, 0, "HUB/hub refuses it (status 403)"},
		{"the mirror fails, so nothing is known", "docker.io/library/alpine:3.22" + digest, 500, 0, ""},
		{"the second mirror has it", "docker.io/library/alpine:3.22" + digest, 404, 200, ""},
		{"no mirror has it", "docker.io/library/alpine:3.22" + digest, 404, 404, "HUB/hub does not have it, SECOND/hub does not have it"},
		{"the registry has no mirror", "quay.io/a/b:1" + digest, 404, 0, ""},
		{"a name that is none", "docker.io/UPPER:1" + digest, 404, 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var mirrors []variables.Mirror
			names := []string{}
			for i, status := range []int{c.hub, c.second} {
				if status == 0 {
					continue
				}
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/v2/" {
						return
					}
					assert.Equal(t, "/v2/hub/library/alpine/manifests/"+digest[1:], r.URL.Path)
					assert.Equal(t, http.MethodHead, r.Method)
					w.Header().Set("Docker-Content-Digest", digest[1:])
					w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
					w.Header().Set("Content-Length", "2")
					w.WriteHeader(status)
				}))
				t.Cleanup(server.Close)
				host := strings.TrimPrefix(server.URL, "http://")
				names = append(names, []string{"HUB", "SECOND"}[i], host)
				mirrors = append(mirrors, variables.Mirror{Upstream: "docker.io", Location: host + "/hub"})
			}
			got := missedMirror(t.Context(), c.image, mirrors, authn.DefaultKeychain)
			want := strings.NewReplacer(names...).Replace(c.want)
			if want == "" {
				assert.Empty(t, got)
				return
			}
			assert.Contains(t, got, want)
			assert.True(t, strings.HasPrefix(got, c.image+" "), got)
			assert.NotContains(t, got, "prewarm", "the hint is for ECR")
		})
	}
}

func TestTheHintForECRNamesTheTag(t *testing.T) {
	const want = "run once: layercache prewarm h/hub/library/alpine"
	assert.Contains(t, prewarmHint("h/hub/library/alpine", ":3.22", "sha256:1"), want+":3.22@sha256:1")
	assert.Contains(t, prewarmHint("h/hub/library/alpine", "", "sha256:1"), want+":TAG@sha256:1")
	for image, tag := range map[string]string{"h:5000/a/b:1": ":1", "h:5000/a/b": "", "h/a:b": ":b"} {
		assert.Equal(t, tag, tagOf(image), image)
	}
}
