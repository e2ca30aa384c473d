//go:build unix

package session

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/filelock"
)

// removeAbandoned removes the folders of this user that no process has locked. Others can write to the parent, so links and
// files of other users stay. A folder that cannot be removed is left for the next build.
func removeAbandoned(parent string) {
	found, _ := filepath.Glob(filepath.Join(parent, prefix+"*"))
	for _, path := range found {
		if folder, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0); err == nil {
			if isOwn(folder) {
				if unused, err := filelock.Try(folder); err == nil && unused {
					_ = os.RemoveAll(path)
				}
			}
			_ = folder.Close()
		}
	}
}

func isOwn(folder *os.File) bool {
	var status unix.Stat_t
	return unix.Fstat(int(folder.Fd()), &status) == nil && int(status.Uid) == os.Geteuid()
}
