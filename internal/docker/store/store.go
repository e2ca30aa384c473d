// Package store keeps the images that `layercache docker build` built, until they are pushed, loaded into docker, or the
// job ends. BuildKit pushes an image into the store as into a registry, so what is pushed later has the bytes that were
// built. Layers that the cache's registry has already are not copied: the store notes where they are.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/layercache/layercache/internal/buildkit/private"
	"github.com/layercache/layercache/internal/filelock"
)

// Store is a folder with images. Several processes may use it at the same time.
type Store struct{ dir string }

// Image is an image in the store.
type Image struct {
	// ID is what docker calls the image's ID: the digest of its config, or for an index that of the index.
	ID v1.Hash `json:"id"`
	// Root describes the manifest or index.
	Root v1.Descriptor `json:"root"`
	// Names are those that the image has, with registry and tag, such as docker.io/library/shop:1.
	Names []string `json:"names"`
	// Pushed are the repositories that the image was pushed to, with registry.
	Pushed []string `json:"pushed,omitempty"`
	// Loaded are the names with which the docker daemon has the image.
	Loaded []string `json:"loaded,omitempty"`
	// InDocker are the IDs of the images that docker has with names of this image, "" for none, when layercache looked.
	// A name is there from the first call of docker that may give it to another image.
	InDocker map[string]string `json:"inDocker,omitempty"`
	// Folder is the folder of its blobs, in the store.
	Folder string `json:"folder"`
	// Elsewhere are the layers that are not in the folder: their digest, and the repository that has them.
	Elsewhere map[string]string `json:"elsewhere,omitempty"`
	// Caches are the repositories of the build's caches, which have some of the other layers too once they are exported.
	Caches []string `json:"caches,omitempty"`
}

// indexFile holds the list of images, the oldest first.
const indexFile = "images.json"

// Open opens the store in the folder, and creates it if it does not exist.
func Open(dir string) (*Store, error) {
	if err := private.MakeDir(dir); err != nil {
		return nil, fmt.Errorf("keep built images: %w", err)
	}
	return &Store{dir: dir}, nil
}

// Images returns all images, the oldest first.
func (s *Store) Images() ([]Image, error) {
	content, err := os.ReadFile(filepath.Join(s.dir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of built images: %w", err)
	}
	var images []Image
	if err := json.Unmarshal(content, &images); err != nil {
		return nil, fmt.Errorf("read the list of built images, %s: %w", filepath.Join(s.dir, indexFile), err)
	}
	return images, nil
}

// awaitTurn waits until no other process changes the list. The turn ends when the file is closed.
func (s *Store) awaitTurn(ctx context.Context) (*os.File, error) {
	turn, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = filelock.Acquire(ctx, turn)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the list of built images: %w", err)
	}
	return turn, nil
}

// Change changes the list of images. Changes of several processes follow each other.
func (s *Store) Change(ctx context.Context, change func([]Image) ([]Image, error)) error {
	turn, err := s.awaitTurn(ctx)
	if err != nil {
		return err
	}
	defer turn.Close()
	images, err := s.Images()
	if err != nil {
		return err
	}
	if images, err = change(images); err != nil {
		return err
	}
	content, err := json.Marshal(images)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, indexFile)
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return fmt.Errorf("write the list of built images: %w", errors.Join(err, os.Remove(path+".new")))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the list of built images: %w", err)
	}
	return nil
}

// add adds an image with its names, which other images lose. It reports false if the store had an equal image, which then
// has the names.
func (s *Store) add(ctx context.Context, image Image) (added bool, err error) {
	err = s.Change(ctx, func(images []Image) ([]Image, error) {
		names := image.Names
		image.Names = nil
		index := slices.IndexFunc(images, func(other Image) bool { return other.Root.Digest == image.Root.Digest })
		if added = index < 0; added {
			images, index = append(images, image), len(images)
		}
		return Name(images, index, names...), nil
	})
	return added, err
}

// Name gives the names to the image with the index. Other images lose them.
func Name(images []Image, index int, names ...string) []Image {
	for i := range images {
		images[i].lose(names)
	}
	images[index].Names = append(images[index].Names, names...)
	slices.Sort(images[index].Names) // As docker lists them.
	return images
}

// Unname takes the names from the image that has them.
func Unname(images []Image, names ...string) []Image {
	for i := range images {
		images[i].lose(names)
	}
	return images
}

func (i *Image) lose(names []string) {
	lost := func(name string) bool { return slices.Contains(names, name) }
	i.Names = slices.DeleteFunc(i.Names, lost)
	i.Loaded = slices.DeleteFunc(i.Loaded, lost)
	maps.DeleteFunc(i.InDocker, func(name, _ string) bool { return lost(name) })
}

// newFolder makes the folder of an image, which this process holds until release. Folders of builds that were killed are
// removed: no process holds them, and the list does not have them.
func (s *Store) newFolder(ctx context.Context) (folder string, release func(), err error) {
	turn, err := s.awaitTurn(ctx)
	if err != nil {
		return "", nil, err
	}
	defer turn.Close()
	images, err := s.Images()
	if err != nil {
		return "", nil, err
	}
	folders, _ := filepath.Glob(filepath.Join(s.dir, folderPrefix+"*"))
	for _, left := range folders {
		if slices.ContainsFunc(images, func(image Image) bool { return image.Folder == filepath.Base(left) }) {
			continue
		}
		release, free := hold(left)
		if free {
			err = errors.Join(err, os.RemoveAll(left))
		}
		release()
	}
	folder, failed := os.MkdirTemp(s.dir, folderPrefix)
	if err := errors.Join(err, failed); err != nil {
		return "", nil, err
	}
	release, _ = hold(folder)
	return folder, release, nil
}

// RemoveFiles removes the files of an image that is no longer in the list.
func (s *Store) RemoveFiles(image Image) error {
	return os.RemoveAll(filepath.Join(s.dir, image.Folder))
}

// Normalize returns the name with registry and tag, such as docker.io/library/shop:latest for shop. A name with a digest
// keeps it and gets no tag.
func Normalize(name string) (string, error) {
	parsed, err := reference.ParseDockerRef(name)
	if err != nil {
		return "", err
	}
	return parsed.String(), nil
}

// Familiar returns the name as docker shows it, such as shop:1 for docker.io/library/shop:1.
func Familiar(name string) string {
	parsed, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return reference.FamiliarString(parsed)
}

// minID is the length of the shortest part of an ID that is taken as one.
const minID = 4

// Find returns the index of the image with that name, name and digest, ID, or start of an ID; -1 if there is none.
func Find(images []Image, text string) int {
	if index := FindName(images, text); index >= 0 {
		return index
	}
	hex := strings.TrimPrefix(text, "sha256:")
	if len(hex) < minID {
		return -1
	}
	return slices.IndexFunc(images, func(image Image) bool { return strings.HasPrefix(image.ID.Hex, hex) })
}

// FindName returns the index of the image with that name, or name and digest; -1 if there is none.
func FindName(images []Image, name string) int {
	normal, err := Normalize(name)
	if err != nil {
		return -1
	}
	repository, digest, hasDigest := strings.Cut(normal, "@")
	return slices.IndexFunc(images, func(image Image) bool {
		if hasDigest {
			return image.Root.Digest.String() == digest && slices.Contains(image.Repositories(), repository)
		}
		return slices.Contains(image.Names, normal)
	})
}

// Repositories returns the repositories of the image's names, and those that it was pushed to.
func (i Image) Repositories() []string {
	repositories := slices.Clone(i.Pushed)
	for _, name := range i.Names {
		repositories = append(repositories, Repository(name))
	}
	slices.Sort(repositories)
	return slices.Compact(repositories)
}

// Repository returns a name without its tag or digest.
func Repository(name string) string {
	parsed, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return parsed.Name()
}
