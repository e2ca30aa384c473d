package cachemount

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/layercache/layercache/internal/filelock"
	"github.com/layercache/layercache/internal/safewrite"
)

// mountsFolder is the folder of the archives in the folder of a cache.
const mountsFolder = "layercache-mounts"

type folderStore struct{ dir string }

// InFolder returns the store of the mounts of a cache of mode "local". dir is the cache's folder.
func InFolder(dir string) Store { return folderStore{dir} }

func (s folderStore) Blobs() string { return s.dir }

func manifestPath(id string) string { return path.Join(mountsFolder, Name(id)+".json") }

// blobPath returns the path of a blob in the cache's folder.
func blobPath(digest string) (string, error) {
	sum, ok := strings.CutPrefix(digest, "sha256:")
	if _, err := hex.DecodeString(sum); !ok || err != nil || len(sum) != 2*sha256.Size {
		return "", fmt.Errorf("%q is not a digest", digest)
	}
	return path.Join(mountsFolder, "blobs", sum), nil
}

func (s folderStore) Load(_ context.Context, id string) (*Stored, error) {
	folder, err := safewrite.Folder(s.dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return load(folder, id)
}

func load(folder *os.Root, id string) (*Stored, error) {
	content, err := readManifest(folder, manifestPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var stored Stored
	if err := json.Unmarshal(content, &stored); err != nil {
		return nil, fmt.Errorf("read %s: %w", manifestPath(id), err)
	}
	if stored.ID != id {
		return nil, nil
	}
	return &stored, nil
}

// create creates a file of the cache's folder. It replaces what is there, such as a file of a save that was killed.
func create(folder *os.Root, name string) (*os.File, error) {
	if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return folder.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
}

// readManifest reads at most maxManifest bytes.
func readManifest(folder *os.Root, name string) ([]byte, error) {
	file, err := safewrite.OpenRegular(folder, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxManifest))
}

func (s folderStore) Open(_ context.Context, _ string, blob Blob) (io.ReadCloser, error) {
	name, err := blobPath(blob.Digest)
	if err != nil {
		return nil, err
	}
	folder, err := safewrite.Folder(s.dir, false)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	file, err := safewrite.OpenRegular(folder, name)
	if err != nil {
		return nil, err
	}
	return verify(file, name, blob.Digest), nil
}

// verified is a blob whose digest is checked at its end.
type verified struct {
	content      io.ReadCloser
	name, digest string
	sum          hash.Hash
}

func verify(content io.ReadCloser, name, digest string) io.ReadCloser {
	return &verified{content: content, name: name, digest: digest, sum: sha256.New()}
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.content.Read(p)
	v.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && "sha256:"+hex.EncodeToString(v.sum.Sum(nil)) != v.digest {
		return n, fmt.Errorf("%s: the file does not have its digest", v.name)
	}
	return n, err
}

func (v *verified) Close() error { return v.content.Close() }

func (s folderStore) Save(ctx context.Context, archive Stored, moved func(int)) (written int64, err error) {
	folder, err := safewrite.Folder(s.dir, true)
	if err != nil {
		return 0, err
	}
	defer folder.Close()
	if err := folder.MkdirAll(path.Join(mountsFolder, "blobs"), 0o755); err != nil {
		return 0, err
	}
	turn, err := folder.OpenFile(path.Join(mountsFolder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 0, err
	}
	defer turn.Close()
	if err := filelock.Acquire(ctx, turn); err != nil {
		return 0, err
	}
	for _, blob := range append([]Blob{archive.Index}, archive.Packs...) {
		added, err := saveBlob(ctx, folder, blob, moved)
		if err != nil {
			return 0, err
		}
		written += added
	}
	content, err := json.Marshal(archive)
	if err != nil {
		return 0, err
	}
	name := manifestPath(archive.ID)
	if err := safewrite.Replace(folder, name, content); err != nil {
		return 0, err
	}
	return written, removeDead(folder)
}

// saveBlob copies a new blob into the folder and checks its digest. It checks that an old one is there.
func saveBlob(ctx context.Context, folder *os.Root, blob Blob, moved func(int)) (written int64, err error) {
	name, err := blobPath(blob.Digest)
	if err != nil {
		return 0, err
	}
	if blob.File == "" {
		_, err := folder.Stat(name)
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	from, err := os.Open(blob.File)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	to, err := create(folder, name+".new")
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(to, movedReader{verify(from, blob.File, blob.Digest), moved}); err != nil {
		return 0, errors.Join(err, to.Close(), folder.Remove(name+".new"))
	}
	if err := to.Close(); err != nil {
		return 0, err
	}
	return blob.Bytes, folder.Rename(name+".new", name)
}

// removeDead removes the blobs that no mount's archive has, and what a save left that was killed. It removes nothing if a
// manifest cannot be read. The save has not failed then: the manifest may belong to a mount that no build uses any more.
func removeDead(folder *os.Root) error {
	live := map[string]bool{}
	lists, err := fs.ReadDir(folder.FS(), mountsFolder)
	if err != nil {
		return err
	}
	for _, list := range lists {
		switch {
		case strings.HasPrefix(list.Name(), "."): // a temporary file of safewrite.Replace
			_ = folder.Remove(path.Join(mountsFolder, list.Name()))
			continue
		case !strings.HasSuffix(list.Name(), ".json"):
			continue
		}
		content, err := readManifest(folder, path.Join(mountsFolder, list.Name()))
		var stored Stored
		if err != nil || json.Unmarshal(content, &stored) != nil {
			return nil
		}
		for _, blob := range append([]Blob{stored.Index}, stored.Packs...) {
			live[strings.TrimPrefix(blob.Digest, "sha256:")] = true
		}
	}
	blobs, err := fs.ReadDir(folder.FS(), path.Join(mountsFolder, "blobs"))
	for _, blob := range blobs {
		if !live[blob.Name()] {
			err = errors.Join(err, folder.Remove(path.Join(mountsFolder, "blobs", blob.Name())))
		}
	}
	return err
}
