package builder

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// readMountIDs returns the ids of all cache mounts by the number of their snapshot. It reads BuildKit's databases in
// its root folder: the snapshotter's knows which record has which snapshot, and that of the cache which record
// is which mount. temp is a folder for copies.
//
// https://github.com/moby/buildkit/blob/v0.34.2/solver/llbsolver/mounts/mount.go (SearchCacheDir)
func readMountIDs(root, snapshotter, temp string) (map[string]string, error) {
	worker := filepath.Join(root, "runc-"+snapshotter)
	mounts := map[string]string{} // by record
	err := viewCopy(filepath.Join(worker, "metadata_v2.db"), temp, func(tx *bolt.Tx) error {
		main := tx.Bucket([]byte("_main"))
		if main == nil {
			return errors.New("it has no records")
		}
		return main.ForEachBucket(func(record []byte) error {
			value := main.Bucket(record).Get([]byte("cache-dir"))
			if value == nil {
				return nil
			}
			var key struct{ Value string }
			if err := json.Unmarshal(value, &key); err != nil {
				return err
			}
			mounts[string(record)] = mountID(key.Value, func(base string) bool { return main.Bucket([]byte(base)) != nil })
			return nil
		})
	})
	if err != nil || len(mounts) == 0 {
		return nil, err
	}
	ids := map[string]string{}
	return ids, viewCopy(filepath.Join(worker, "snapshots", "metadata.db"), temp, func(tx *bolt.Tx) error {
		version := tx.Bucket([]byte("v1"))
		if version == nil || version.Bucket([]byte("snapshots")) == nil {
			return errors.New("it has no snapshots")
		}
		snapshots := version.Bucket([]byte("snapshots"))
		return snapshots.ForEachBucket(func(key []byte) error {
			// The key is buildkit/NUMBER/RECORD.
			if id, ok := mounts[string(key[bytes.LastIndexByte(key, '/')+1:])]; ok {
				number, _ := binary.Uvarint(snapshots.Bucket(key).Get([]byte("id")))
				ids[strconv.FormatUint(number, 10)] = id
			}
			return nil
		})
	})
}

// inNamespace begins the ids of mounts with BUILDKIT_CACHE_MOUNT_NS.
const inNamespace = "namespace:"

// mountID returns a mount's id as it is in the Dockerfile. The Dockerfile frontend puts BUILDKIT_CACHE_MOUNT_NS, which
// is usually empty, and a slash before it; other keys have other ids. BuildKit adds the record of the base to the id of
// a mount that has one.
func mountID(key string, isRecord func(string) bool) string {
	if colon := strings.LastIndexByte(key, ':'); colon >= 0 && colon+1 < len(key) && isRecord(key[colon+1:]) {
		key = key[:colon]
	}
	if id, ok := strings.CutPrefix(key, "/"); ok && !strings.HasPrefix(id, inNamespace) {
		return id
	}
	return inNamespace + key
}

const (
	// copyAttempts limits how often a database is copied that BuildKit writes at the same time.
	copyAttempts = 20
	copyPause    = 2 * time.Millisecond
)

// viewCopy reads a copy of a database, because BuildKit has the database locked. The copy is consistent if no
// transaction was committed while it was made: bbolt overwrites no page that the last committed transaction
// uses, and a commit ends with a write to one of the first two pages.
func viewCopy(path, temp string, view func(*bolt.Tx) error) (err error) {
	content, err := copyConsistently(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(temp, "database-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	// bbolt panics when it finds a damaged page.
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("read a copy of %s: %v", path, problem)
		}
	}()
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	database, err := bolt.Open(file.Name(), 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("read a copy of %s: %w", path, err)
	}
	defer database.Close()
	if err := database.View(view); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func copyConsistently(path string) ([]byte, error) {
	for range copyAttempts {
		before, err := readMeta(path)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		after, err := readMeta(path)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(before, after) && bytes.HasPrefix(content, before) {
			return content, nil
		}
		time.Sleep(copyPause)
	}
	return nil, fmt.Errorf("copy %s: BuildKit wrote to it during all %d attempts", path, copyAttempts)
}

// readMeta returns the first two pages.
func readMeta(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	pages := make([]byte, 2*os.Getpagesize())
	n, err := file.ReadAt(pages, 0)
	if n < len(pages) {
		return nil, err
	}
	return pages, nil
}
