// Package session makes the private folder of a build, and removes those that killed helpers left behind.
package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/layercache/layercache/internal/filelock"
)

const (
	prefix = "layercache-session-"
	// newPrefix is the name until the folder is locked, so that no folder looks abandoned before.
	newPrefix = "layercache-newsession-"
)

// Folder is a private folder for temporary files. It is locked as long as its process runs.
type Folder struct {
	Path string
	lock *os.File
}

// New makes a folder in the folder for temporary files. It removes those there whose process has ended.
func New() (*Folder, error) {
	removeAbandoned(os.TempDir())
	folder, err := newFolder()
	if err != nil {
		return nil, fmt.Errorf("create a private folder: %w; set TMPDIR to a folder that can be written", err)
	}
	return folder, nil
}

func newFolder() (*Folder, error) {
	made, err := os.MkdirTemp("", newPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := os.Open(made)
	if err != nil {
		return nil, errors.Join(err, os.Remove(made))
	}
	path := filepath.Join(filepath.Dir(made), prefix+strings.TrimPrefix(filepath.Base(made), newPrefix))
	// On a file system without locks, nobody can lock it to remove it either.
	_, _ = filelock.Try(lock)
	if err := os.Rename(made, path); err != nil {
		return nil, errors.Join(err, lock.Close(), os.Remove(made))
	}
	return &Folder{Path: path, lock: lock}, nil
}

// Remove removes the folder.
func (f *Folder) Remove() error { return errors.Join(os.RemoveAll(f.Path), f.lock.Close()) }
