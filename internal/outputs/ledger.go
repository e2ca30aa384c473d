// Package outputs keeps the files that layercache writes out of the builds that follow: reports, metadata,
// image IDs, caches in folders and its own state. They may lie in a build context, and a COPY would take them
// for source.
package outputs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// entry is a file that layercache wrote. Its size and time tell whether somebody has changed it since.
type entry struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
}

// written reports whether the file is still the one that layercache wrote. Of a folder only the path counts.
func (e entry) written() bool {
	info, err := os.Lstat(e.Path)
	if err != nil {
		return false
	}
	return info.IsDir() && e.Size == folder || info.Mode().IsRegular() && info.Size() == e.Size && info.ModTime().Equal(e.Modified)
}

// folder is the size of an entry that stands for a folder with everything in it.
const folder = -1

// Remember records that layercache wrote the files and folders. Paths that do not exist, or that are neither
// a file nor a folder, are skipped. An error leaves the file unrecorded: a later build may then count it as
// its input.
func Remember(paths ...string) {
	for _, path := range paths {
		resolved, err := filepath.Abs(path)
		if err == nil {
			resolved, err = filepath.EvalSymlinks(resolved)
		}
		if err != nil {
			continue
		}
		if info, err := os.Stat(resolved); err == nil && (info.Mode().IsRegular() || info.IsDir()) {
			e := entry{Path: resolved, Size: info.Size(), Modified: info.ModTime()}
			if info.IsDir() {
				e.Size = folder
			}
			save(e)
		}
	}
}

func save(e entry) {
	dir, err := ledger()
	if err != nil {
		return
	}
	content, err := json.Marshal(e)
	if err != nil {
		return
	}
	sum := sha256.Sum256([]byte(e.Path))
	name := filepath.Join(dir, hex.EncodeToString(sum[:12])+".json")
	// A new file is renamed into place, because another build may read the ledger.
	temporary, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return
	}
	_, err = temporary.Write(content)
	if temporary.Close() != nil || err != nil || os.Rename(temporary.Name(), name) != nil {
		_ = os.Remove(temporary.Name())
	}
}

// remembered returns the recorded paths below dir, which is absolute and has no symlinks. It drops entries
// whose file is gone or was changed.
func remembered(dir string) []string {
	place, err := ledger()
	if err != nil {
		return nil
	}
	files, err := os.ReadDir(place)
	if err != nil {
		return nil
	}
	var paths []string
	for _, file := range files {
		name := filepath.Join(place, file.Name())
		if filepath.Ext(name) != ".json" {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		var e entry
		if json.Unmarshal(content, &e) != nil || !e.written() {
			_ = os.Remove(name)
			continue
		}
		if strings.HasPrefix(e.Path, strings.TrimSuffix(dir, "/")+"/") {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// ledger returns the folder with one file for each entry.
func ledger() (string, error) {
	dir, err := toolchain.CacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "written")
	return dir, os.MkdirAll(dir, 0o700)
}
