// Package real finds the docker of this machine. layercache may be in front of it on PATH, under the name docker.
package real

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// ErrNotFound means that no docker but layercache is on PATH.
var ErrNotFound = errors.New("docker is not on PATH: install Docker")

// Find returns the path of the first docker on PATH that is not this program.
func Find() (string, error) {
	name := "docker"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	own := ownFile()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue // As exec.LookPath, which does not run programs of the working directory.
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 && runtime.GOOS != "windows" {
			continue
		}
		if own == nil || !os.SameFile(info, own) {
			return path, nil
		}
	}
	return "", ErrNotFound
}

// ownFile returns the file of this program, or nil if it is not known.
func ownFile() os.FileInfo {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}
