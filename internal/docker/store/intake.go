package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// folderPrefix is the start of the names of images' folders.
const folderPrefix = "image-"

// Intake takes one image from BuildKit: a registry on loopback, which lives as long as a build. Its repository has a
// name that a step of a build cannot guess, because steps can reach the port.
type Intake struct {
	blobs  *blobs
	server *http.Server
	// release ends the hold on the folder.
	release    func()
	host       string
	repository string

	mutex sync.Mutex
	// manifests are those that were pushed, by tag or digest.
	manifests map[string]v1.Descriptor
	// problem is why the first upload that failed did.
	problem error
}

// intakeTag is the tag of the image in the repository of an intake.
const intakeTag = "image"

// Take starts an intake. The caller closes it.
func (s *Store) Take(ctx context.Context) (*Intake, error) {
	folder, release, err := s.newFolder(ctx)
	if err != nil {
		return nil, fmt.Errorf("keep the built image: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		release()
		return nil, errors.Join(fmt.Errorf("keep the built image: %w", err), os.RemoveAll(folder))
	}
	i := &Intake{
		release:    release,
		blobs:      &blobs{store: s, folder: filepath.Base(folder), elsewhere: map[v1.Hash]name.Digest{}},
		host:       fmt.Sprintf("localhost:%d", listener.Addr().(*net.TCPAddr).Port),
		repository: strings.ToLower(rand.Text()), manifests: map[string]v1.Descriptor{},
	}
	i.server = &http.Server{Handler: i, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() { _ = i.server.Serve(listener) }()
	return i, nil
}

// Ref returns the name to which BuildKit pushes the image.
func (i *Intake) Ref() string { return i.host + "/" + i.repository + ":" + intakeTag }

// LookIn names repositories whose layers need not be copied.
func (i *Intake) LookIn(repositories []string, keychain authn.Keychain) error {
	return i.blobs.lookIn(repositories, keychain)
}

// Offer lets a build use an image of the store as a base image, and returns the image's name in the registry.
func (i *Intake) Offer(image Image, keychain authn.Keychain) (string, error) {
	for _, described := range append(image.manifests(i.blobs.store), image.Root) {
		if err := i.blobs.link(image, described.Digest); err != nil {
			return "", fmt.Errorf("offer the image %s to the build: %w", image.ID, err)
		}
		i.remember(described.Digest.String(), described)
	}
	if err := i.blobs.offer(image, keychain); err != nil {
		return "", err
	}
	return i.host + "/" + i.repository + "@" + image.Root.Digest.String(), nil
}

// Close stops the registry. The files of an image that was not kept are removed.
func (i *Intake) Close() error {
	defer i.release()
	err := i.server.Close()
	if i.blobs.folder == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(i.blobs.store.dir, i.blobs.folder)))
}

// remember remembers a manifest by its tag and its digest.
func (i *Intake) remember(reference string, described v1.Descriptor) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.manifests[reference], i.manifests[described.Digest.String()] = described, described
}

// Problem returns why the store could not take what BuildKit handed over; nil if it took everything.
func (i *Intake) Problem() error {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.problem
}

// manifest returns the manifest with the tag or digest.
func (i *Intake) manifest(reference string) (described v1.Descriptor, ok bool) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	described, ok = i.manifests[reference]
	return described, ok
}

// Keep adds the image with the digest, which was pushed, to the store, with the names, unless the store has an equal one.
// The tag is not asked: other users of the machine see the name of the repository in buildx's arguments, and can push too.
func (i *Intake) Keep(ctx context.Context, digest string, names []string) (Image, error) {
	root, ok := i.manifest(digest)
	if !ok {
		return Image{}, errors.New("keep the built image: BuildKit has not handed it over")
	}
	image := Image{Root: root, Names: names, Folder: i.blobs.folder, Elsewhere: map[string]string{}, Caches: i.blobs.repositories()}
	for digest, ref := range i.blobs.found() {
		image.Elsewhere[digest.String()] = ref.Context().Name()
	}
	if err := i.blobs.store.complete(&image); err != nil {
		return Image{}, fmt.Errorf("keep the built image: %w", err)
	}
	added, err := i.blobs.store.add(ctx, image)
	if added {
		i.blobs.folder = ""
	}
	return image, err
}
