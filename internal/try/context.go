package try

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// copyContext copies what a build of dir would send, so that a file can be changed without touching the user's own. What
// .dockerignore leaves out stays out.
func copyContext(dir, dockerfile string) (string, error) {
	target, err := os.MkdirTemp("", "layercache-context-")
	if err != nil {
		return "", fmt.Errorf("copy the build context: %w", err)
	}
	ignored, err := ignorePatterns(dir, dockerfile)
	if err == nil {
		err = copyTree(dir, target, ignored)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("copy the build context %s: %w", dir, err), os.RemoveAll(target))
	}
	return target, nil
}

// ignorePatterns reads the ignore file that BuildKit would: DOCKERFILE.dockerignore beside the Dockerfile, else .dockerignore.
//
// https://docs.docker.com/build/concepts/context/#dockerignore-files
func ignorePatterns(dir, dockerfile string) (*patternmatcher.PatternMatcher, error) {
	for _, path := range []string{dockerfile + ".dockerignore", filepath.Join(dir, ".dockerignore")} {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		patterns, err := ignorefile.ReadAll(bufio.NewReader(file))
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return patternmatcher.New(patterns)
	}
	return patternmatcher.New(nil)
}

func copyTree(from, to string, ignored *patternmatcher.PatternMatcher) error {
	from, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
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
		if skip && !entry.IsDir() && relative != ".dockerignore" {
			return nil
		}
		return copyEntry(path, filepath.Join(to, relative), entry)
	})
}

func copyEntry(from, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return os.MkdirAll(to, info.Mode().Perm()|0o700)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case info.Mode().IsRegular():
		return errors.Join(copyFile(from, to, info.Mode().Perm()), os.Chtimes(to, time.Time{}, info.ModTime()))
	}
	return nil
}

func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close(), os.Chmod(to, mode))
}

// slug makes a build's name a folder's.
func slug(name string) string { return strings.ReplaceAll(name, " ", "-") }
