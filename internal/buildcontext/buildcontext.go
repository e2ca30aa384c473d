// Package buildcontext knows what of a folder a build is given: what the ignore file leaves out, which files an instruction
// copies, and which of them have changed.
package buildcontext

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Walk visits every file, folder and link of the folder that a build of dockerfile is sent, by its path relative to dir.
func Walk(dir, dockerfile string, visit func(relative string, entry fs.DirEntry) error) error {
	_, ignored, err := Ignore(dir, dockerfile)
	if err != nil {
		return err
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil || relative == "." {
			return err
		}
		skip, err := ignored.MatchesOrParentMatches(relative)
		if err != nil {
			return err
		}
		if skip && entry.IsDir() && !ignored.Exclusions() {
			return filepath.SkipDir
		}
		if skip && !entry.IsDir() {
			return nil
		}
		return visit(relative, entry)
	})
}

// Ignore reads the ignore file that BuildKit would: DOCKERFILE.dockerignore beside the Dockerfile, else .dockerignore. Without
// one the file has no name and nothing is ignored.
//
// https://docs.docker.com/build/concepts/context/#dockerignore-files
func Ignore(dir, dockerfile string) (file string, ignored *patternmatcher.PatternMatcher, err error) {
	for _, path := range []string{dockerfile + ".dockerignore", filepath.Join(dir, ".dockerignore")} {
		content, err := ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, fmt.Errorf("read what the build context leaves out: %w", err)
		}
		patterns, err := ignorefile.ReadAll(bytes.NewReader(content))
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", path, err)
		}
		if ignored, err = patternmatcher.New(patterns); err != nil {
			return "", nil, fmt.Errorf("%s: %w: correct the pattern", path, err)
		}
		return path, ignored, nil
	}
	ignored, err = patternmatcher.New(nil)
	return "", ignored, err
}

// largestFile is how long a Dockerfile or an ignore file may be.
const largestFile = 4 << 20

// ReadFile reads a Dockerfile or an ignore file. Who wrote the source may have made it a link to anything on the machine, so a
// link that leaves the file's folder is refused, as BuildKit does not follow it either; so is what is no file of a bounded size.
func ReadFile(path string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := filepath.Base(path)
	info, err := root.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !info.Mode().IsRegular() || info.Size() > largestFile {
		return nil, fmt.Errorf("%s is no file, or one of more than %d MiB", path, largestFile>>20)
	}
	return root.ReadFile(name)
}
