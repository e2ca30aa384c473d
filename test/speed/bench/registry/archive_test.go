package registry

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/test/kit/localecr"
)

func TestTrafficOfCacheMounts(t *testing.T) {
	before := Archives{tags: map[string]bool{"main-mount-1": true}, blobs: map[string]int64{"sha256:old": 10, "sha256:kept": 100}}
	after := Archives{tags: map[string]bool{"main-mount-1": true}, blobs: map[string]int64{"sha256:kept": 100, "sha256:new": 7}}
	layers := []localecr.Entry{{Method: http.MethodGet, Path: "/v2/app-cache/manifests/main"}, {Method: http.MethodGet, Path: "/v2/app-cache/blobs/sha256:layer"}}
	for name, c := range map[string]struct {
		before, after Archives
		log           []localecr.Entry
		want          *MountTraffic
	}{
		"a cache without mounts":        {Archives{}, Archives{}, layers, nil},
		"a build that asks for nothing": {before, before, layers, &MountTraffic{StoredBytes: 110}},
		"a build that restores": {before, before, append(layers,
			localecr.Entry{Method: http.MethodGet, Path: "/v2/app-cache/manifests/main-mount-1"},
			localecr.Entry{Method: http.MethodGet, Path: "/v2/app-cache/blobs/sha256:kept"}), &MountTraffic{Reads: 1, Requests: 2, StoredBytes: 110}},
		"a build that saves": {before, after, append(layers,
			localecr.Entry{Method: http.MethodHead, Path: "/v2/app-cache/blobs/sha256:kept"},
			localecr.Entry{Method: http.MethodPut, Path: "/v2/app-cache/manifests/main-mount-1"}), &MountTraffic{Requests: 1, UploadedBytes: 7, StoredBytes: 107}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, MountTrafficOf(c.log, c.before, c.after))
		})
	}
}
