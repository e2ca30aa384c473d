package builder

import (
	"errors"
	"os"
	"path/filepath"
)

// installNames puts this program under other names, those of programs that buildkitd calls, into the folder.
func installNames(dir string, names ...string) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	err = os.MkdirAll(dir, 0o700)
	for _, name := range names {
		err = errors.Join(err, os.Symlink(own, filepath.Join(dir, name)))
	}
	return err
}
