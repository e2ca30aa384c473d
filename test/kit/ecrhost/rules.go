//go:build linux

package ecrhost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/layercache/layercache/test/kit/localecr"
)

// rules adds the rules of ECR to a registry that does not have them.
type rules struct {
	server    *Server
	host      string
	upstreams map[string]string
	next      http.Handler
}

// objectPath is /v2/REPOSITORY/KIND/REFERENCE.
var objectPath = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs|tags|referrers)/(.+)$`)

func (r *rules) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	match := objectPath.FindStringSubmatch(request.URL.Path)
	if match == nil {
		r.next.ServeHTTP(w, request)
		return
	}
	name, kind, reference := match[1], match[2], match[3]
	reads := request.Method == http.MethodGet || request.Method == http.MethodHead
	_, cached := localecr.Upstream(r.upstreams, name)
	switch exists := r.server.has(r.host, name); {
	case kind == "manifests" && reads && cached:
		r.pullThrough(w, request, name, reference)
	case !exists:
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", name, r.host[:12]))
	case kind == "manifests" && request.Method == http.MethodPut:
		r.put(w, request, name, reference)
	case kind == "manifests" && request.Method == http.MethodDelete:
		r.delete(w, request, name, reference)
	case kind == "blobs" && request.Method == http.MethodHead && r.server.imports(r.host, name):
		w.WriteHeader(http.StatusNotFound)
	default:
		r.next.ServeHTTP(w, request)
	}
}

// pullThrough answers from the upstream. The first image from there creates the repository.
func (r *rules) pullThrough(w http.ResponseWriter, request *http.Request, name, reference string) {
	recorded := &recordedAnswer{ResponseWriter: w, status: http.StatusOK}
	r.next.ServeHTTP(recorded, request)
	if recorded.status == http.StatusOK {
		r.server.imported(r.host, name, reference, recorded.Header().Get("Docker-Content-Digest"))
	}
}

// delete deletes a manifest or a tag.
func (r *rules) delete(w http.ResponseWriter, request *http.Request, name, reference string) {
	recorded := &recordedAnswer{ResponseWriter: w, status: http.StatusOK}
	r.next.ServeHTTP(recorded, request)
	if recorded.status == http.StatusAccepted {
		r.server.deleted(r.host, name, reference)
	}
}

// put accepts a manifest unless ECR would refuse it.
func (r *rules) put(w http.ResponseWriter, request *http.Request, name, reference string) {
	content, err := io.ReadAll(request.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(content))
	refusesReferrers := r.server.config.Registries[r.host].RefusesReferrers
	if status, code, message := checkManifest(request.Header.Get("Content-Type"), content, refusesReferrers); status != http.StatusOK {
		refuse(w, status, code, message)
		return
	}
	// ECR refuses the push even for the same image: https://github.com/aws/containers-roadmap/issues/2179
	if r.server.isTaken(r.host, name, reference) {
		refuse(w, http.StatusBadRequest, "TAG_INVALID",
			fmt.Sprintf("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", reference, name))
		return
	}
	recorded := &recordedAnswer{ResponseWriter: w, status: http.StatusOK}
	r.next.ServeHTTP(recorded, request)
	if recorded.status == http.StatusCreated {
		r.server.pushed(r.host, name, reference, content)
	}
}

// checkManifest returns ECR's answer to a manifest. Each member of an index must be an image or an index: ECR
// refuses BuildKit's cache in its older form (image-manifest=false), an index of layers. An image must have
// at least one layer.
//
// An artifact that refers to an image, such as an attestation of BuildKit with oci-artifact=true, is refused
// if refusesReferrers is set.
//
// The statuses come from reports of users. The messages for an index and a referrer are not in their reports.
// https://github.com/aws/containers-roadmap/issues/876
// https://github.com/moby/buildkit/issues/5747
func checkManifest(mediaType string, content []byte, refusesReferrers bool) (status int, code, message string) {
	var manifest struct {
		Manifests []struct{ MediaType types.MediaType }
		Layers    []struct{}
		Subject   *struct{}
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return http.StatusBadRequest, "MANIFEST_INVALID", "the manifest is not JSON: " + err.Error()
	}
	if refusesReferrers && manifest.Subject != nil {
		return http.StatusMethodNotAllowed, "UNSUPPORTED", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
	}
	if !types.MediaType(mediaType).IsIndex() {
		if len(manifest.Layers) == 0 {
			return http.StatusMethodNotAllowed, "UNSUPPORTED", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
		}
		return http.StatusOK, "", ""
	}
	for i, member := range manifest.Manifests {
		if !member.MediaType.IsImage() && !member.MediaType.IsIndex() {
			return http.StatusBadRequest, "MANIFEST_INVALID", fmt.Sprintf("member %d of the index is of type %s, which is not a manifest type", i, member.MediaType)
		}
	}
	return http.StatusOK, "", ""
}

// asECR replaces the answer for a missing image by ECR's answer. In go-containerregistry's registry, a
// repository without images does not exist.
func asECR(answer *http.Response) error {
	if answer.StatusCode != http.StatusNotFound || answer.Request.Method == http.MethodHead {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if bytes.Contains(body, []byte(`"NAME_UNKNOWN"`)) {
		body = []byte(`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Requested image not found"}]}`)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.ContentLength = int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
