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

// Digests maps each path of a build context to a short digest of what COPY compares: content, permissions and
// the target of a symlink.
type Digests map[string]string

// Limits for reading a context. Digests only explain what has changed and must not slow the build down.
const (
	maxFiles = 5_000
	maxBytes = 64 << 20
)

// ErrTooLarge means that the context exceeds the limits of Digest: 5,000 files or 64 MiB.
var ErrTooLarge = errors.New("the build context is too large to compare its files")

// Digest returns the digests of the files in the context that a build of dockerfile receives. It returns
// ErrTooLarge if the context is too large.
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
		if total > maxBytes || len(digests) == maxFiles {
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

// Change is a difference in one path between two contexts.
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

// order sorts changed files first, then added ones, then removed ones.
var order = map[string]int{"changed": 2, "added": 1, "removed": 0}

// Changes returns the differences between two contexts in the files that a COPY of the sources would copy.
// Changed files come first, then added and removed ones, each sorted by path.
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
