package lint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Read reads a Dockerfile. It stops one byte after the maximum size, which Check then reports.
func Read(r io.Reader) ([]byte, error) {
	source, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the Dockerfile: %w", err)
	}
	return source, nil
}

// Replace replaces a file atomically and keeps its mode. If path is a symlink, its target is replaced.
func Replace(path string, content []byte) error {
	if err := replace(path, content); err != nil {
		return fmt.Errorf("write the fixed Dockerfile: %w (the file is unchanged)", err)
	}
	return nil
}

func replace(path string, content []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
