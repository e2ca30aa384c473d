package baseimage

import (
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// store is a directory of OCI image layouts, one per image, named by the image's key.
type store string

// keep returns the image of the key. If the store does not have it, build creates it; dir is for its files
// until it is stored. An image appears in the store completely or not at all.
func (s store) keep(key string, build func(dir string) (v1.Image, error)) (v1.Image, error) {
	final := filepath.Join(string(s), key)
	if image, err := load(final); err == nil {
		return image, nil
	}
	work, err := os.MkdirTemp(string(s), ".new-")
	if err != nil {
		return nil, fmt.Errorf("baseimage: %w", err)
	}
	defer os.RemoveAll(work)
	image, err := build(work)
	if err != nil {
		return nil, err
	}
	fresh := filepath.Join(work, "layout")
	stored, err := layout.Write(fresh, empty.Index)
	if err != nil {
		return nil, fmt.Errorf("baseimage: %w", err)
	}
	if err := stored.AppendImage(image); err != nil {
		return nil, fmt.Errorf("baseimage: %w", err)
	}
	if err := os.Rename(fresh, final); err != nil {
		// Another process was faster, or the existing layout is damaged.
		if image, err := load(final); err == nil {
			return image, nil
		}
		return nil, fmt.Errorf("baseimage: %w (remove %s and try again)", err, final)
	}
	return load(final)
}

// load opens the only image of a layout. Layers are read on demand.
func load(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("baseimage: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("baseimage: %s: %w", dir, err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("baseimage: %s has %d images instead of one", dir, len(manifest.Manifests))
	}
	return index.Image(manifest.Manifests[0].Digest)
}
