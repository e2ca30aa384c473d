package baseimage

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// fixed is the timestamp of every file, so the same content always has the same digest.
var fixed = time.Unix(0, 0).UTC()

// layer is the tar stream of a layer while it is written.
type layer struct {
	ctx   context.Context
	tar   *tar.Writer
	known map[string]bool
}

// writeLayer streams a gzip-compressed layer to a file.
func writeLayer(ctx context.Context, file string, fill func(*layer) error) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	compressed, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	l := &layer{ctx: ctx, tar: tar.NewWriter(compressed), known: map[string]bool{}}
	return errors.Join(fill(l), l.tar.Close(), compressed.Close(), out.Close())
}

// parents writes the parent directories of a path that the layer does not have yet.
func (l *layer) parents(name string) error {
	dir := path.Dir(name)
	if dir == "." || l.known[dir] {
		return nil
	}
	return l.dir(dir, 0o755)
}

func (l *layer) dir(name string, mode int64) error {
	if err := l.parents(name); err != nil {
		return err
	}
	l.known[name] = true
	return l.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, ModTime: fixed})
}

func (l *layer) link(name, target string) error {
	if err := l.parents(name); err != nil {
		return err
	}
	return l.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777, ModTime: fixed})
}

func (l *layer) text(name, content string) error {
	return l.content(name, 0o644, int64(len(content)), strings.NewReader(content))
}

func (l *layer) file(name string, mode int64, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	return l.content(name, mode, info.Size(), source)
}

func (l *layer) content(name string, mode, size int64, from io.Reader) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	if err := l.parents(name); err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size, ModTime: fixed}
	if err := l.tar.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(l.tar, from); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tree copies the directory from to the path name. Files for which leaveOut returns true are skipped (paths
// with slashes, relative to from). Permissions are reduced to executable or not; links are followed.
func (l *layer) tree(name, from string, leaveOut func(path string) bool) error {
	return filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, file)
		if err != nil || relative == "." {
			return err
		}
		relative = filepath.ToSlash(relative)
		switch {
		case leaveOut(relative) && entry.IsDir():
			return fs.SkipDir
		case leaveOut(relative) || entry.IsDir():
			return nil
		}
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		mode := int64(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		return l.file(path.Join(name, relative), mode, file)
	})
}

// archive copies the entries of a tar stream.
func (l *layer) archive(from io.Reader) error {
	for entries := tar.NewReader(from); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = l.ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := l.tar.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(l.tar, entries); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}
