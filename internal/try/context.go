package try

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/outputs"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/session"
	"github.com/layercache/layercache/internal/source"
)

// copyWithoutOutputs copies the build context without the files that layercache wrote into it. It returns the copy, and
// those of these files that are in it nevertheless, because an instruction copies them by name.
func copyWithoutOutputs(options Options) (copied string, kept []string, err error) {
	content, err := source.ReadFile(options.Dockerfile)
	if err != nil {
		return "", nil, fmt.Errorf("read the Dockerfile: %w", err)
	}
	private, err := session.New()
	if err != nil {
		return "", nil, fmt.Errorf("copy the build context: %w", err)
	}
	defer func() { _ = private.Remove() }()
	own := outputs.Own{Reports: options.Settings.ReportDir, Paths: []string{private.Path}}
	hidden, err := outputs.Hide(options.Dir, options.Dockerfile, content, private.Path, own)
	if err != nil {
		return "", nil, err
	}
	for _, file := range hidden.Kept {
		fmt.Fprintf(options.Stderr, "layercache: %s, which layercache writes, is part of this build: write it outside of %s\n", escape.Line(file), options.Dir)
		kept = append(kept, filepath.ToSlash(file))
	}
	copied, err = copyContext(options.Dir, cmp.Or(hidden.Dockerfile, options.Dockerfile))
	return copied, kept, err
}

// copyContext copies the files of dir that a build would send, so that a file can be changed without touching
// the user's own. Files that .dockerignore excludes are not copied.
func copyContext(dir, dockerfile string) (string, error) {
	target, err := os.MkdirTemp("", "layercache-context-")
	if err != nil {
		return "", fmt.Errorf("copy the build context: %w", err)
	}
	err = source.Walk(dir, dockerfile, func(relative string, entry fs.DirEntry) error {
		return copyEntry(filepath.Join(dir, relative), filepath.Join(target, relative), entry)
	})
	if err == nil {
		err = copyIgnoreFile(dir, target)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("copy the build context %s: %w", dir, err), os.RemoveAll(target))
	}
	return target, nil
}

// copyIgnoreFile copies .dockerignore, which a build reads even if the file excludes itself.
func copyIgnoreFile(from, to string) error {
	if info, err := os.Stat(filepath.Join(from, ".dockerignore")); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	err := copyFile(filepath.Join(from, ".dockerignore"), filepath.Join(to, ".dockerignore"), 0o644)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
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

// slug returns the folder name for a build's name.
func slug(name string) string { return strings.ReplaceAll(name, " ", "-") }
