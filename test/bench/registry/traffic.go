package registry

import (
	"net/http"
	"slices"
	"strings"

	"github.com/layercache/layercache/test/localecr"
)

// Traffic is what builds asked of the registry in a while.
type Traffic struct {
	// Sent and Received are bytes of bodies, as the registry sees them.
	Sent     int64 `json:"sentBytes"`
	Received int64 `json:"receivedBytes"`
	Requests int   `json:"requests"`
	// BaseLayers is how many layers of base images were sent, out of whichever repository.
	BaseLayers int `json:"baseLayersPulled"`
}

// TrafficOf sums up requests; bases has the digests of the base images' layers.
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

// Pushed says whether the log has REPOSITORY:TAG written, or asked for and found, as clients do that have nothing new to
// write.
func Pushed(log []localecr.Entry, repository, tag string) bool {
	return slices.ContainsFunc(log, func(entry localecr.Entry) bool {
		writes := entry.Method == http.MethodPut || entry.Method == http.MethodHead
		return answered(entry) && writes && entry.Path == "/v2/"+repository+"/manifests/"+tag
	})
}
