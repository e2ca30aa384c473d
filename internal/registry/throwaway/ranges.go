package throwaway

import (
	"fmt"
	"net/http"
	"regexp"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ranges adds the missing end to a requested range. BuildKit resumes a download with an open range, and
// go-containerregistry's registry supports only ranges with both ends.
type ranges struct {
	blobs Blobs
	next  http.Handler
}

var (
	openRange = regexp.MustCompile(`^bytes=(\d+)-$`)
	blobPath  = regexp.MustCompile(`^/v2/(.+)/blobs/([^/]+)$`)
)

func (h *ranges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	open, blob := openRange.FindStringSubmatch(r.Header.Get("Range")), blobPath.FindStringSubmatch(r.URL.Path)
	if open != nil && blob != nil {
		if digest, err := v1.NewHash(blob[2]); err == nil {
			if size, err := h.blobs.Stat(r.Context(), blob[1], digest); err == nil {
				r.Header.Set("Range", fmt.Sprintf("bytes=%s-%d", open[1], size-1))
			}
		}
	}
	h.next.ServeHTTP(w, r)
}
