// Package rooted opens what the helper writes by a path that a setting or a flag names. The working directory holds the source of
// the build, and whoever wrote that may have put a link in the place of a file or folder of ours: below the working directory no
// link leads out of it.
package rooted

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Folder opens the folder, or makes it. Outside of the working directory the way to the folder is trusted, and a link in its own
// place has to stay beside it. An error wraps fs.ErrNotExist where create is false and the folder does not exist.
func Folder(path string, create bool) (*os.Root, error) {
	root, name, err := split(path, create)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if create {
		if err := root.MkdirAll(name, 0o755); err != nil {
			return nil, at("mkdir", path, err)
		}
	}
	// OpenRoot would wait for who writes into a pipe.
	info, err := root.Stat(name)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, at("open", path, err)
	}
	folder, err := root.OpenRoot(name)
	if err != nil {
		return nil, at("open", path, err)
	}
	return folder, nil
}

// at is the error with the path as the caller gave it.
func at(operation, path string, err error) error {
	var inside *fs.PathError
	if errors.As(err, &inside) {
		err = inside.Err
	}
	return &fs.PathError{Op: operation, Path: path, Err: err}
}

// Create opens the file for writing, and makes it or empties it. Below the working directory it has to be a regular file; a path
// that leads elsewhere is the caller's own choice, such as /dev/stdout.
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
		return nil, at("open", path, err)
	}
	file, err := root.Create(name)
	if err != nil {
		return nil, at("open", path, err)
	}
	return file, nil
}

// split opens the folder that a path has to stay in, and returns the path from there.
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
		return nil, "", at("open", parent, syscall.ENOTDIR)
	}
	root, err := os.OpenRoot(parent)
	return root, name, err
}

// relative returns the path from the working directory, and whether it stays below it.
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
