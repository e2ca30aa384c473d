// Package safewrite opens and replaces the files and folders that layercache writes, by a path from a setting or a flag.
// The working directory holds the source of the build, which may contain links in place of these files. Below
// the working directory no link out of it is followed.
package safewrite

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// Folder opens a folder, and creates it if create is true. Outside the working directory the path to the
// folder is trusted; the folder itself may be a link that stays within its parent. The error wraps
// fs.ErrNotExist if create is false and the folder does not exist.
func Folder(path string, create bool) (*os.Root, error) {
	root, name, err := split(path, create)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if create {
		if err := root.MkdirAll(name, 0o755); err != nil {
			return nil, pathError("mkdir", path, err)
		}
	}
	// OpenRoot would block on a pipe until somebody writes to it.
	info, err := root.Stat(name)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, pathError("open", path, err)
	}
	folder, err := root.OpenRoot(name)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return folder, nil
}

// pathError returns the error with the path as the caller gave it.
func pathError(operation, path string, err error) error {
	var inside *fs.PathError
	if errors.As(err, &inside) {
		err = inside.Err
	}
	return &fs.PathError{Op: operation, Path: path, Err: err}
}

// Create creates a file, or opens and empties it. Below the working directory it must be a regular file.
// Other paths are trusted, and may be a device such as /dev/stdout.
func Create(path string) (*os.File, error) {
	_, inside, err := relative(path)
	if err != nil {
		return nil, err
	}
	if !inside {
		return os.Create(path)
	}
	root, name, err := split(path, false)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, pathError("open", path, err)
	}
	file, err := root.Create(name)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return file, nil
}

// OpenRegular opens a regular file of the folder for reading. Opening a pipe would block until somebody writes to it.
func OpenRegular(folder *os.Root, name string) (*os.File, error) {
	info, err := folder.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return folder.Open(name)
}

// Replace writes a temporary file beside the file and renames it. So nobody reads half a file, and a link with that
// name is replaced, not followed. The temporary name is "." + the file's name + "." + 16 hexadecimal digits.
func Replace(folder *os.Root, name string, content []byte) error {
	dir, base := path.Split(name)
	temporary := dir + fmt.Sprintf(".%s.%016x", base, rand.Uint64())
	file, err := folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = folder.Rename(temporary, name)
	}
	if err != nil {
		_ = folder.Remove(temporary)
	}
	return err
}

// split opens the folder that the path must not leave, and returns the path relative to it.
func split(path string, create bool) (*os.Root, string, error) {
	name, inside, err := relative(path)
	if err != nil {
		return nil, "", err
	}
	if inside {
		root, err := os.OpenRoot(".")
		return root, name, err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, "", err
	}
	parent, name := filepath.Split(path)
	if create {
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return nil, "", err
		}
	}
	if name == "" {
		name = "."
	}
	if info, err := os.Stat(parent); err == nil && !info.IsDir() {
		return nil, "", pathError("open", parent, syscall.ENOTDIR)
	}
	root, err := os.OpenRoot(parent)
	return root, name, err
}

// relative returns the path relative to the working directory, and whether it is inside it.
func relative(path string) (name string, inside bool, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false, err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return "", false, err
	}
	name, err = filepath.Rel(dir, path)
	return name, err == nil && filepath.IsLocal(name), err
}
