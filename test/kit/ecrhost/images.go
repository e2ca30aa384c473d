//go:build linux

package ecrhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is what ECR counts as an image: each manifest of a repository, with or without a tag. So are the
// members of an index, an index itself, a replaced cache, a record, an attestation and a signature.
type Image struct {
	Digest string
	// Tags are sorted.
	Tags []string
	// Pushed is when the manifest was pushed for the first time. Another push of it does not change the time,
	// also under another tag: https://github.com/aws/containers-roadmap/issues/2746
	Pushed time.Time
	// Members are the manifests that an index lists.
	Members []string
	// Subject is the manifest that an artifact refers to, such as a signature or an attestation.
	Subject string
}

// Images returns the images of a repository, the newest first.
func (w *Server) Images(host, name string) []Image {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	r := w.repositories[host][name]
	if r == nil {
		return nil
	}
	var images []Image
	for _, image := range r.images {
		image.Tags = nil
		for tag, digest := range r.tags {
			if digest == image.Digest {
				image.Tags = append(image.Tags, tag)
			}
		}
		slices.Sort(image.Tags)
		images = append(images, image)
	}
	slices.SortFunc(images, func(a, b Image) int {
		if c := b.Pushed.Compare(a.Pushed); c != 0 {
			return c
		}
		return strings.Compare(a.Digest, b.Digest)
	})
	return images
}

// pushed notes a manifest that was pushed or imported under a tag or a digest.
func (w *Server) pushed(host, name, reference string, content []byte) {
	sum := sha256.Sum256(content)
	image := Image{Digest: "sha256:" + hex.EncodeToString(sum[:]), Pushed: w.config.Now()}
	var manifest struct {
		Manifests []v1.Descriptor
		Subject   *v1.Descriptor
	}
	if json.Unmarshal(content, &manifest) == nil {
		for _, member := range manifest.Manifests {
			image.Members = append(image.Members, member.Digest.String())
		}
		if manifest.Subject != nil {
			image.Subject = manifest.Subject.Digest.String()
		}
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	r := w.repositories[host][name]
	if _, known := r.images[image.Digest]; !known {
		r.images[image.Digest] = image
	}
	if !strings.Contains(reference, ":") {
		r.tags[reference] = image.Digest
	}
}

// imported notes an image that was pulled through the cache, and creates its repository. ECR counts it from
// its first pull on.
func (w *Server) imported(host, name, reference, digest string) {
	// Another pull may have created the repository in the meantime.
	_ = w.CreateRepository(host, name, Repository{})
	w.mutex.Lock()
	defer w.mutex.Unlock()
	r := w.repositories[host][name]
	if _, known := r.images[digest]; !known {
		r.images[digest] = Image{Digest: digest, Pushed: w.config.Now()}
		r.importedAt = time.Now()
	}
	if !strings.Contains(reference, ":") {
		r.tags[reference] = digest
	}
}

// imports reports whether the import of an image into the repository still runs.
func (w *Server) imports(host, name string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	r := w.repositories[host][name]
	return !r.importedAt.IsZero() && time.Since(r.importedAt) < w.config.Registries[host].ImportTime
}

// deleted notes that a manifest was deleted, with all its tags, or a tag alone. A manifest goes with its last
// tag.
func (w *Server) deleted(host, name, reference string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	r := w.repositories[host][name]
	digest := reference
	if tagged, isTag := r.tags[reference]; isTag {
		delete(r.tags, reference)
		if slices.Contains(slices.Collect(maps.Values(r.tags)), tagged) {
			return
		}
		digest = tagged
	}
	delete(r.images, digest)
	maps.DeleteFunc(r.tags, func(_, of string) bool { return of == digest })
}
