package agent

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// sources are the directories of the build's unpacked sources.
type sources struct {
	primary   string
	secondary map[string]string
}

// identifier is the form of a source identifier.
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html
var identifier = regexp.MustCompile(`^[A-Za-z0-9_]{1,127}$`)

// unpack writes each source to a separate fresh directory, as CodeBuild does with sources of type S3. It does
// not keep permissions, because CodeBuild does not guarantee that programs in an archive are executable.
func (b Build) unpack() (sources, error) {
	unpacked := sources{primary: filepath.Join(b.Dir, "src"), secondary: map[string]string{}}
	if err := unpackOne(b.Source, unpacked.primary); err != nil {
		return unpacked, fmt.Errorf("agent: primary source: %w", err)
	}
	for id, from := range b.SecondarySources {
		if !identifier.MatchString(id) {
			return unpacked, fmt.Errorf("agent: source identifier %q: only letters, digits and underscores", id)
		}
		dir := filepath.Join(b.Dir, "secondary", id)
		if err := unpackOne(from, dir); err != nil {
			return unpacked, fmt.Errorf("agent: secondary source %s: %w", id, err)
		}
		unpacked.secondary[id] = dir
	}
	return unpacked, nil
}

func unpackOne(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if from == "" {
		return nil
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return copyTree(os.DirFS(from), to)
	}
	archive, err := zip.OpenReader(from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	defer archive.Close()
	for _, file := range archive.File {
		if !filepath.IsLocal(file.Name) {
			return fmt.Errorf("%s: %q lies outside the archive", from, file.Name)
		}
	}
	return copyTree(&archive.Reader, to)
}

// copyTree copies the files of a tree. It refuses symlinks, which neither S3 sources nor the helper's bundle
// contain.
func copyTree(from fs.FS, to string) error {
	return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(path))
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type().IsRegular():
			return copyFile(from, path, target)
		default:
			return fmt.Errorf("%s is neither a file nor a directory", path)
		}
	})
}

func copyFile(from fs.FS, path, to string) error {
	source, err := from.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
