package lint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Read reads a Dockerfile. It stops one byte after the maximum size, which Check then reports.
func Read(r io.Reader) ([]byte, error) {
	source, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the Dockerfile: %w", err)
	}
	return source, nil
}

// Replace replaces the content of a file. It writes into the file, so owner, mode, hard links, symlinks and
// extended attributes stay. old is the content that was read: if the file has another one now, it stays.
func Replace(path string, old, content []byte) error {
	if err := replace(path, old, content); err != nil {
		return fmt.Errorf("write the fixed Dockerfile: %w", err)
	}
	return nil
}

func replace(path string, old, content []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("%w (the file is unchanged)", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	present, err := Read(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(present, old) {
		return fmt.Errorf("%s was changed in the meantime, and stays as it is: call lint --fix again", path)
	}
	if err := overwrite(file, content); err != nil {
		// The blocks of the old content are still allocated, so this works on a full disk too.
		if restore := overwrite(file, old); restore != nil {
			return fmt.Errorf("%w; the old content could not be restored: %w", err, restore)
		}
		return fmt.Errorf("%w (the file is unchanged)", err)
	}
	return nil
}

func overwrite(file *os.File, content []byte) error {
	if _, err := file.WriteAt(content, 0); err != nil {
		return err
	}
	if err := file.Truncate(int64(len(content))); err != nil {
		return err
	}
	return file.Sync()
}
