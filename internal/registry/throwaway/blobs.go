package throwaway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Blobs stores blobs as files, separately for each repository, as ECR does: a blob in one repository must be
// uploaded again to another. go-containerregistry's own disk handler shares one directory between
// repositories, and reads a whole blob for each HEAD.
type Blobs string

// file returns the path of a blob. go-containerregistry appends /blobs to the repository of an upload's last
// request.
func (b Blobs) file(repository string, h v1.Hash) string {
	return filepath.Join(string(b), url.PathEscape(strings.TrimSuffix(repository, "/blobs")), h.Algorithm+"-"+h.Hex)
}

// Stat returns the size of a blob.
func (b Blobs) Stat(_ context.Context, repository string, h v1.Hash) (int64, error) {
	info, err := os.Stat(b.file(repository, h))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, registry.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Get opens a blob.
func (b Blobs) Get(_ context.Context, repository string, h v1.Hash) (io.ReadCloser, error) {
	file, err := os.Open(b.file(repository, h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, registry.ErrNotFound
	}
	return file, err
}

// Put writes a blob. Reading from fails if the content does not match the digest.
func (b Blobs) Put(_ context.Context, repository string, h v1.Hash, from io.ReadCloser) error {
	defer from.Close()
	file, err := os.CreateTemp(string(b), "upload-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	target := b.file(repository, h)
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	if err := os.Rename(file.Name(), target); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}

// Delete removes a blob.
func (b Blobs) Delete(_ context.Context, repository string, h v1.Hash) error {
	return os.Remove(b.file(repository, h))
}
