// Package registry is the one registry that all flows of the benchmark share, with the base images in it. What a flow has
// written can be kept and put back, so that every measurement of a phase begins with the same content.
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

	"github.com/layercache/layercache/test/localecr"
)

// Registry is a running registry.
type Registry struct {
	server *localecr.Server
	// blobs is where the registry keeps its blobs, kept where those of snapshots are.
	blobs, kept string
	snapshots   int
}

// Start starts an empty registry with its content below dir.
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

// Close stops it.
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

// Tag gives what place names another tag in its repository.
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

// Image is what place names, for this machine's platform; missing says that there is none.
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

// directory is where the registry has the blobs of a repository.
func directory(parent, repository string) string {
	return filepath.Join(parent, escape(repository))
}

// link gives every file of a folder a second name in another.
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

// Mark is a place in the access log.
type Mark int

// Now is the place in the access log where the next request will be.
func (r *Registry) Now() Mark { return Mark(len(r.server.Log())) }

// Since are the requests that were answered after a mark.
func (r *Registry) Since(mark Mark) []localecr.Entry { return r.server.Log()[mark:] }

func answered(entry localecr.Entry) bool {
	return entry.Status >= http.StatusOK && entry.Status < http.StatusMultipleChoices
}
