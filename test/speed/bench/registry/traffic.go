package registry

import (
	"net/http"
	"slices"
	"strings"

	"github.com/layercache/layercache/test/kit/localecr"
)

// Traffic sums up the requests that builds sent to the registry.
type Traffic struct {
	// Sent and Received are bytes of bodies, seen from the registry.
	Sent     int64 `json:"sentBytes"`
	Received int64 `json:"receivedBytes"`
	Requests int   `json:"requests"`
	// BaseLayers is the number of layers of base images that were sent, from any repository.
	BaseLayers int `json:"baseLayersPulled"`
}

// TrafficOf returns the traffic in a log; bases has the digests of the base images' layers.
func TrafficOf(log []localecr.Entry, bases map[string]bool) Traffic {
	var t Traffic
	for _, entry := range log {
		t.Requests++
		t.Sent += entry.Sent
		t.Received += entry.Received
		_, digest, isBlob := strings.Cut(entry.Path, "/blobs/")
		if isBlob && bases[digest] && entry.Method == http.MethodGet {
			t.BaseLayers++
		}
	}
	return t
}

// Pushed reports whether REPOSITORY:TAG was written, or requested and found, as clients do that have nothing
// new to write.
func Pushed(log []localecr.Entry, repository, tag string) bool {
	return slices.ContainsFunc(log, func(entry localecr.Entry) bool {
		writes := entry.Method == http.MethodPut || entry.Method == http.MethodHead
		return answered(entry) && writes && entry.Path == "/v2/"+repository+"/manifests/"+tag
	})
}
