// Package source reads the source of a build: its branch, the files of its context that the ignore file
// keeps, the files that an instruction copies, the files that have changed, and files that the source's
// author may have replaced by symlinks.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Matcher reports which paths of a build context an ignore file leaves out.
type Matcher = *patternmatcher.PatternMatcher

// Walk calls visit for every file, folder and symlink in dir that a build of dockerfile receives, with its
// path relative to dir.
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

// Ignore returns the name and the patterns of the ignore file that BuildKit would use:
// DOCKERFILE.dockerignore in the Dockerfile's folder, else .dockerignore in dir. Without an ignore file, the
// name is empty and no file is ignored. An empty dockerfile means that there is none.
//
// https://docs.docker.com/build/concepts/context/#dockerignore-files
func Ignore(dir, dockerfile string) (file string, ignored Matcher, err error) {
	candidates := []string{filepath.Join(dir, ".dockerignore")}
	if dockerfile != "" {
		candidates = append([]string{dockerfile + ".dockerignore"}, candidates...)
	}
	for _, path := range candidates {
		content, err := ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, fmt.Errorf("read the ignore file of the build context: %w", err)
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
