package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Digests tell the files of a context apart from those of another: a short digest of what COPY looks at (content, permissions,
// a link's target) for each path.
type Digests map[string]string

// What is read of a context at most: digests are for finding out what has changed, and must not slow the build down.
const (
	mostFiles = 5_000
	mostBytes = 64 << 20
)

// ErrTooLarge says that a context has more than what is read.
var ErrTooLarge = errors.New("the build context is too large for its files to be compared")

// Digest reads the context that a build of dockerfile is sent.
func Digest(ctx context.Context, dir, dockerfile string) (Digests, error) {
	digests := Digests{}
	var total int64
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read the build context: %w", err)
	}
	defer root.Close()
	err = Walk(dir, dockerfile, func(relative string, entry fs.DirEntry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			total += info.Size()
		}
		if total > mostBytes || len(digests) == mostFiles {
			return ErrTooLarge
		}
		digest, err := digestOf(root, relative, info)
		digests[filepath.ToSlash(relative)] = digest
		return err
	})
	if err != nil {
		return nil, err
	}
	return digests, nil
}

func digestOf(root *os.Root, relative string, info fs.FileInfo) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, info.Mode()&(fs.ModeType|fs.ModePerm))
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := root.Readlink(relative)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(hash, target)
	case info.Mode().IsRegular():
		file, err := root.Open(relative)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(hash, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

// Change is a file that is not as it was.
type Change struct {
	Path string
	// What is "changed", "added" or "removed".
	What string
}

func (c Change) String() string {
	if c.What == "changed" {
		return c.Path + " changed"
	}
	return c.Path + " was " + c.What
}

// order puts what changed before what came and went.
var order = map[string]int{"changed": 2, "added": 1, "removed": 0}

// Changes lists what differs between two contexts among what a COPY of the sources takes, by path, files that changed first.
func Changes(before, now Digests, sources []string) []Change {
	var changes []Change
	for path, digest := range now {
		switch old, known := before[path]; {
		case !known:
			changes = append(changes, Change{path, "added"})
		case old != digest:
			changes = append(changes, Change{path, "changed"})
		}
	}
	for path := range before {
		if _, still := now[path]; !still {
			changes = append(changes, Change{path, "removed"})
		}
	}
	changes = slices.DeleteFunc(changes, func(c Change) bool { return !Copied(c.Path, sources) })
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(-cmp.Compare(order[a.What], order[b.What]), cmp.Compare(a.Path, b.Path))
	})
	return changes
}
