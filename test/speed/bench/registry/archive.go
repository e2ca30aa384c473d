package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/layercache/layercache/test/kit/localecr"
)

// mountArtifact is the type of the artifacts in which layercache keeps cache mounts.
const mountArtifact = "application/vnd.layercache.mount.v1"

// Archives are the cache mounts that a repository keeps.
type Archives struct {
	// tags are those of the archives; blobs has the size of each of their layers by digest.
	tags  map[string]bool
	blobs map[string]int64
}

// Archives returns the archives of cache mounts in a repository.
func (r *Registry) Archives(ctx context.Context, repository string) (Archives, error) {
	found := Archives{tags: map[string]bool{}, blobs: map[string]int64{}}
	tags, err := r.tags(ctx, repository)
	if err != nil {
		return found, err
	}
	for _, tag := range tags {
		ref, err := r.reference(repository + ":" + tag)
		if err != nil {
			return found, err
		}
		got, err := remote.Get(ref, remote.WithContext(ctx))
		if err != nil {
			return found, err
		}
		var manifest struct {
			ArtifactType string          `json:"artifactType"`
			Layers       []v1.Descriptor `json:"layers"`
		}
		if err := json.Unmarshal(got.Manifest, &manifest); err != nil {
			return found, err
		}
		if manifest.ArtifactType != mountArtifact {
			continue
		}
		found.tags[tag] = true
		for _, layer := range manifest.Layers {
			found.blobs[layer.Digest.String()] = layer.Size
		}
	}
	return found, nil
}

// MountTraffic is what a build did with the archives of its cache mounts.
type MountTraffic struct {
	// Reads is the number of requests for the content of archives that were there before the build, and Requests
	// also counts those for their manifests.
	Reads    int `json:"reads"`
	Requests int `json:"requests"`
	// UploadedBytes is the size of the layers that are new, and StoredBytes that of all layers after the build.
	UploadedBytes int64 `json:"uploadedBytes"`
	StoredBytes   int64 `json:"storedBytes"`
}

// MountTrafficOf compares the archives before and after a build with the requests of the build. It returns nil if
// there are no archives.
func MountTrafficOf(log []localecr.Entry, before, after Archives) *MountTraffic {
	if len(before.tags)+len(after.tags) == 0 {
		return nil
	}
	t := &MountTraffic{}
	for _, entry := range log {
		name := path.Base(entry.Path)
		_, isBlob := before.blobs[name]
		switch {
		case isBlob && entry.Method == http.MethodGet:
			t.Reads++
			t.Requests++
		case before.tags[name] || after.tags[name]:
			t.Requests++
		}
	}
	for digest, size := range after.blobs {
		t.StoredBytes += size
		if _, old := before.blobs[digest]; !old {
			t.UploadedBytes += size
		}
	}
	return t
}
