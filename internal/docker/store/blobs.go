package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/layercache/layercache/internal/registry/throttle"
)

// blobs are the blobs of one image: those in its folder, those of other images in the store, and those that the
// registries of the cache have.
type blobs struct {
	store  *Store
	folder string

	mutex sync.Mutex
	// sources are the repositories that are asked for blobs.
	sources []name.Repository
	puller  *remote.Puller
	// elsewhere are the blobs that were found in a source.
	elsewhere map[v1.Hash]name.Digest
}

// lookIn adds repositories that may have blobs.
func (b *blobs) lookIn(repositories []string, keychain authn.Keychain) error {
	puller, err := newPuller(keychain)
	if err != nil {
		return err
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.puller, b.sources = puller, nil
	for _, repository := range repositories {
		if parsed, err := name.NewRepository(repository); err == nil {
			b.sources = append(b.sources, parsed)
		}
	}
	return nil
}

func newPuller(keychain authn.Keychain) (*remote.Puller, error) {
	return remote.NewPuller(append(throttle.Options(), remote.WithAuthFromKeychain(keychain))...)
}

// offer adds the places of an image's layers, which are read with the keychain until lookIn gives another.
func (b *blobs) offer(image Image, keychain authn.Keychain) error {
	puller, err := newPuller(keychain)
	if err != nil {
		return err
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.puller = puller
	for digest, repository := range image.Elsewhere {
		h, err := v1.NewHash(digest)
		parsed, unusable := name.NewRepository(repository)
		if err == nil && unusable == nil {
			b.elsewhere[h] = parsed.Digest(digest)
		}
	}
	return nil
}

// repositories returns the sources.
func (b *blobs) repositories() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var names []string
	for _, source := range b.sources {
		names = append(names, source.Name())
	}
	return names
}

// found returns the blobs that were found elsewhere.
func (b *blobs) found() map[v1.Hash]name.Digest {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return maps.Clone(b.elsewhere)
}

func (b *blobs) file(h v1.Hash) string { return blobFile(filepath.Join(b.store.dir, b.folder), h) }

func blobFile(folder string, h v1.Hash) string {
	return filepath.Join(folder, h.Algorithm+"-"+h.Hex)
}

// size returns the size of a blob. The error wraps fs.ErrNotExist if it is nowhere.
func (b *blobs) size(ctx context.Context, h v1.Hash) (int64, error) {
	info, err := os.Stat(b.file(h))
	if errors.Is(err, fs.ErrNotExist) && b.linkFromOtherImage(h) {
		info, err = os.Stat(b.file(h))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return b.find(ctx, h)
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// linkFromOtherImage takes the blob from another image in the store. It reports whether one has it.
func (b *blobs) linkFromOtherImage(h v1.Hash) bool {
	found, _ := filepath.Glob(blobFile(filepath.Join(b.store.dir, folderPrefix+"*"), h))
	for _, path := range found {
		if err := os.Link(path, b.file(h)); err == nil || errors.Is(err, fs.ErrExist) {
			return true
		}
	}
	return false
}

// find asks the sources for a blob. A source that cannot be asked does not have it.
func (b *blobs) find(ctx context.Context, h v1.Hash) (int64, error) {
	b.mutex.Lock()
	puller, refs := b.puller, []name.Digest{}
	if known, ok := b.elsewhere[h]; ok {
		refs = append(refs, known)
	}
	for _, source := range b.sources {
		refs = append(refs, source.Digest(h.String()))
	}
	b.mutex.Unlock()
	for _, ref := range refs {
		layer, err := puller.Layer(ctx, ref)
		if err != nil {
			continue
		}
		if size, err := layer.Size(); err == nil {
			b.mutex.Lock()
			b.elsewhere[h] = ref
			b.mutex.Unlock()
			return size, nil
		}
	}
	return 0, fs.ErrNotExist
}

// open opens a blob whose size was asked for.
func (b *blobs) open(ctx context.Context, h v1.Hash) (io.ReadCloser, error) {
	file, err := os.Open(b.file(h))
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	b.mutex.Lock()
	ref, puller := b.elsewhere[h], b.puller
	b.mutex.Unlock()
	layer, err := puller.Layer(ctx, ref)
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// put writes a blob. It fails if the content does not match the digest.
func (b *blobs) put(h v1.Hash, from io.Reader) error {
	file, err := os.CreateTemp(filepath.Join(b.store.dir, b.folder), "upload-*")
	if err != nil {
		return fmt.Errorf("keep a layer of the image: %w", err)
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), from)
	if err == nil && h.Hex != hex.EncodeToString(hash.Sum(nil)) {
		err = errDigest
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("keep a layer of the image: %w", err), os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), b.file(h))
}

// link takes a blob from another image in the store.
func (b *blobs) link(image Image, h v1.Hash) error {
	if err := os.Link(image.blob(b.store, h), b.file(h)); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
