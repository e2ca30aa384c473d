package store

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ServeHTTP answers as a registry, as far as BuildKit asks to push one image and to pull others. The registry of
// go-containerregistry is not used: it takes in one blob at a time, and would have to be given each twice, once to be
// complete and once to be kept.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
func (i *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/" {
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/v2/"+i.repository+"/")
	kind, reference, _ := strings.Cut(path, "/")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case !ours:
		http.NotFound(w, r)
	case kind == "blobs" && reference == "uploads/" && r.Method == http.MethodPost:
		w.Header().Set("Location", "/v2/"+i.repository+"/blobs/uploads/new")
		w.WriteHeader(http.StatusAccepted)
	case kind == "blobs" && reference == "uploads/new" && r.Method == http.MethodPut:
		i.answerUpload(w, i.putBlob(r))
	case kind == "blobs" && reads:
		i.getBlob(w, r, reference)
	case kind == "manifests" && r.Method == http.MethodPut:
		i.answerUpload(w, i.putManifest(reference, r))
	case kind == "manifests" && reads:
		i.getManifest(w, r, reference)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// errDigest means that content does not match its digest.
var errDigest = errors.New("the content does not match the digest")

// answerUpload answers an upload, and notes why it failed.
func (i *Intake) answerUpload(w http.ResponseWriter, err error) {
	if err != nil {
		i.mutex.Lock()
		i.problem = cmp.Or(i.problem, err)
		i.mutex.Unlock()
	}
	answer(w, err)
}

// answer answers a request that has no content to send.
func answer(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		w.WriteHeader(http.StatusCreated)
	case errors.Is(err, errDigest):
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// putBlob writes the blob in a request.
func (i *Intake) putBlob(r *http.Request) error {
	digest, err := v1.NewHash(r.URL.Query().Get("digest"))
	if err != nil {
		return errDigest
	}
	return i.blobs.put(digest, r.Body)
}

// getBlob sends a blob, from wherever it is.
func (i *Intake) getBlob(w http.ResponseWriter, r *http.Request, reference string) {
	digest, err := v1.NewHash(reference)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	size, err := i.blobs.size(r.Context(), digest)
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		answer(w, err)
		return
	}
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		return
	}
	content, err := i.blobs.open(r.Context(), digest)
	if err != nil {
		answer(w, err)
		return
	}
	defer content.Close()
	if file, here := content.(*os.File); here {
		http.ServeContent(w, r, "", time.Time{}, file)
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, _ = io.Copy(w, content) // A client that gets less than the length sees it.
}

// maxManifest is the size of the largest manifest that registries accept.
const maxManifest = 4 << 20

// putManifest writes the manifest in a request to the folder, and remembers it by its tag and its digest.
func (i *Intake) putManifest(reference string, r *http.Request) error {
	content, err := io.ReadAll(io.LimitReader(r.Body, maxManifest))
	if err != nil {
		return err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		return err
	}
	if strings.Contains(reference, ":") && reference != digest.String() {
		return errDigest
	}
	if err := i.blobs.put(digest, bytes.NewReader(content)); err != nil {
		return err
	}
	i.remember(reference, v1.Descriptor{MediaType: types.MediaType(r.Header.Get("Content-Type")), Digest: digest, Size: size})
	return nil
}

// getManifest sends a manifest.
func (i *Intake) getManifest(w http.ResponseWriter, r *http.Request, reference string) {
	described, ok := i.manifest(reference)
	if !ok {
		http.NotFound(w, r)
		return
	}
	file, err := os.Open(i.blobs.file(described.Digest))
	if err != nil {
		answer(w, err)
		return
	}
	defer file.Close()
	w.Header().Set("Docker-Content-Digest", described.Digest.String())
	w.Header().Set("Content-Type", string(described.MediaType))
	http.ServeContent(w, r, "", time.Time{}, file)
}
