// Package real finds the docker of this machine. layercache may be in front of it on PATH, under the name docker.
package real

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ErrNotFound means that no docker but layercache is on PATH.
var ErrNotFound = errors.New("docker is not on PATH: install Docker")

// passedVariable lists the layercache programs that a call of docker came through, in the form of PATH. The programs that
// they start inherit it, so two of them that are docker on PATH do not start each other without end. Users do not set it.
const passedVariable = "LAYERCACHE_DOCKER_PASSED"

// fileName is the name of layercache's file, to which its names of docker are links.
const fileName = "layercache"

// Find returns the path of the first docker on PATH that is not layercache: neither this program, nor another version of
// it. It also adds this program to LAYERCACHE_DOCKER_PASSED in the environment of this process.
func Find() (string, error) {
	passed := passedFiles()
	return first(func(path string, info os.FileInfo) bool {
		return isNamedLayercache(path) || slices.ContainsFunc(passed, func(other os.FileInfo) bool { return os.SameFile(info, other) })
	})
}

// FindOther returns the path of the first docker on PATH that is not this program. It may be another version of layercache.
func FindOther() (string, error) {
	own := fileOf(ownPath())
	return first(func(_ string, info os.FileInfo) bool { return own != nil && os.SameFile(info, own) })
}

// first returns the path of the first docker on PATH that is not skipped.
func first(skip func(path string, info os.FileInfo) bool) (string, error) {
	name := "docker"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue // As exec.LookPath, which does not run programs of the working directory.
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 && runtime.GOOS != "windows" {
			continue
		}
		if !skip(path, info) {
			return path, nil
		}
	}
	return "", ErrNotFound
}

// passedFiles returns the files of LAYERCACHE_DOCKER_PASSED, after it has added this program.
func passedFiles() []os.FileInfo {
	paths := filepath.SplitList(os.Getenv(passedVariable))
	if own := ownPath(); own != "" && !slices.Contains(paths, own) {
		paths = append(paths, own)
		_ = os.Setenv(passedVariable, strings.Join(paths, string(os.PathListSeparator)))
	}
	var files []os.FileInfo
	for _, path := range paths {
		if info := fileOf(path); info != nil {
			files = append(files, info)
		}
	}
	return files
}

// isNamedLayercache reports whether the path leads to a file with the name of layercache.
func isNamedLayercache(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	return err == nil && IsLayercache(target)
}

// IsLayercache reports whether the last part of the path is the name of layercache's file.
func IsLayercache(path string) bool {
	return strings.TrimSuffix(filepath.Base(path), ".exe") == fileName
}

// ownPath returns the path of this program, or "" if it is not known.
func ownPath() string {
	path, _ := os.Executable()
	return path
}

// fileOf returns the file at the path, or nil if there is none.
func fileOf(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}
