// Package registry is the registry that all flows of the benchmark share, with the base images in it. Its
// content can be saved and restored, so every measurement of a phase starts from the same content.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/layercache/layercache/test/kit/localecr"
)

// Registry is a running registry.
type Registry struct {
	server *localecr.Server
	// blobs is the folder of the registry's blobs, kept the folder of the snapshots' blobs.
	blobs, kept string
	snapshots   int
}

// Start starts an empty registry that stores its content below dir.
func Start(dir string) (*Registry, error) {
	r := &Registry{blobs: filepath.Join(dir, "blobs"), kept: filepath.Join(dir, "kept")}
	server, err := localecr.Start(localecr.Config{Dir: r.blobs})
	if err != nil {
		return nil, err
	}
	r.server = server
	return r, nil
}

// Addr is the registry's HOST:PORT on loopback.
func (r *Registry) Addr() string { return r.server.Addr() }

// Close stops the registry.
func (r *Registry) Close() error { return r.server.Close() }

// Put writes an image under REPOSITORY:TAG.
func (r *Registry) Put(ctx context.Context, place string, image v1.Image) error {
	ref, err := r.reference(place)
	if err != nil {
		return err
	}
	return remote.Write(ref, image, remote.WithContext(ctx))
}

// PutIndex writes an index of images under REPOSITORY:TAG.
func (r *Registry) PutIndex(ctx context.Context, place string, index v1.ImageIndex) error {
	ref, err := r.reference(place)
	if err != nil {
		return err
	}
	return remote.WriteIndex(ref, index, remote.WithContext(ctx))
}

// Tag adds a tag to an image of the registry.
func (r *Registry) Tag(ctx context.Context, place, tag string) error {
	ref, err := r.reference(place)
	if err != nil {
		return err
	}
	found, err := remote.Get(ref, remote.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return remote.Tag(ref.Context().Tag(tag), found, remote.WithContext(ctx))
}

// Image returns an image of the given platform; missing reports that it does not exist.
func (r *Registry) Image(ctx context.Context, place string, platform v1.Platform) (image v1.Image, missing bool, err error) {
	ref, err := r.reference(place)
	if err != nil {
		return nil, false, err
	}
	image, err = remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(platform))
	if isMissing(err) {
		return nil, true, nil
	}
	return image, false, err
}

func (r *Registry) reference(place string) (name.Reference, error) {
	ref, err := name.ParseReference(r.Addr() + "/" + place)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return ref, nil
}

// directory returns the folder of a repository's blobs.
func directory(parent, repository string) string {
	return filepath.Join(parent, escape(repository))
}

// link creates hard links to all files of a folder in another folder.
func link(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.Link(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Mark is a position in the access log.
type Mark int

// Now returns the position at the end of the access log.
func (r *Registry) Now() Mark { return Mark(len(r.server.Log())) }

// Since returns the requests answered after a mark.
func (r *Registry) Since(mark Mark) []localecr.Entry { return r.server.Log()[mark:] }

func answered(entry localecr.Entry) bool {
	return entry.Status >= http.StatusOK && entry.Status < http.StatusMultipleChoices
}
