package builder

import (
	"errors"
	"os"
	"path/filepath"
)

// installNames links this program into the folder under the names of programs that buildkitd calls.
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
