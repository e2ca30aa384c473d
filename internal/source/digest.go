package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/layercache/layercache/internal/source/outline"
)

// Digests maps each path of a build context to a short digest of what BuildKit compares: content, mode, extended
// attributes and the target of a symlink.
type Digests map[string]string

// maxListed is the number of files that a list has at most, so that a record stays small.
const maxListed = 40_000

// Contexts are the folders of build contexts by name; the main one has the name "".
type Contexts map[string]string

// Digest sets Files of all steps in the outline whose files are in one of the contexts, and returns the digests of all
// these files. It reads no other files. The list is nil if there are more than 40,000. dockerfile tells which ignore
// file the main context has.
func Digest(ctx context.Context, contexts Contexts, dockerfile string, o *outline.Outline) (Digests, error) {
	selectors := map[string]*selector{}
	defer func() {
		for _, opened := range selectors {
			opened.close()
		}
	}()
	for name, dir := range contexts {
		file := dockerfile
		if name != "" {
			file = ""
		}
		opened, err := newSelector(dir, file)
		if err != nil {
			return nil, fmt.Errorf("read the build context: %w", err)
		}
		selectors[name] = opened
	}
	digests := Digests{}
	var err error
	o.ContextSteps(func(step *outline.Step) {
		if err == nil {
			step.Files, err = digestStep(ctx, selectors, step, digests)
		}
	})
	switch {
	case err != nil:
		o.ContextSteps(func(step *outline.Step) { step.Files = "" })
		return nil, err
	case len(digests) > maxListed:
		return nil, nil
	}
	return digests, nil
}

// digestStep returns the digest of the step's files, and adds each file to digests. The digest is empty if a context is
// not a folder.
func digestStep(ctx context.Context, selectors map[string]*selector, step *outline.Step, digests Digests) (string, error) {
	hash := sha256.New()
	for i := range step.Selections {
		selection := &step.Selections[i]
		selector := selectors[selection.Context]
		if selector == nil {
			return "", nil
		}
		files, err := selector.files(ctx, selection)
		if err != nil {
			return "", err
		}
		for _, file := range files {
			name := listedIn(selection.Context, file.path)
			digest, known := digests[name]
			if !known {
				if digest, err = selector.digest(ctx, file); err != nil {
					return "", err
				}
				digests[name] = digest
			}
			fmt.Fprintf(hash, "%q %s\n", file.path, digest)
		}
		fmt.Fprintln(hash)
	}
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

// compared are the bits of a file's mode that BuildKit compares.
const compared = fs.ModeType | fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// digest returns the digest of one file.
func (s *selector) digest(ctx context.Context, file selectedFile) (string, error) {
	hash := sha256.New()
	mode := file.info.Mode() & compared
	if mode&fs.ModeSymlink != 0 {
		mode |= fs.ModePerm
	}
	fmt.Fprintln(hash, mode)
	if err := writeAttributes(hash, s.absolute(file.path)); err != nil {
		return "", err
	}
	switch {
	case mode&fs.ModeSymlink != 0:
		target, err := s.root.Readlink(file.path)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(hash, target)
	case mode.IsRegular():
		content, err := s.open(file.path)
		if err != nil {
			return "", err
		}
		defer content.Close()
		if _, err := io.CopyBuffer(hash, untilCancelled{ctx, content}, s.buffer); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

// untilCancelled is a file whose reads fail once the context is cancelled.
type untilCancelled struct {
	ctx  context.Context
	file *os.File
}

func (u untilCancelled) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.file.Read(p)
}

// Change is a difference in one path between two contexts.
type Change struct {
	Path string
	// What is "changed", "added" or "removed".
	What string
}

func (c Change) String() string {
	return c.Path + " " + clauses[c.What]
}

// clauses are what a message says of a path. A file that an ignore file leaves out is still there.
var clauses = map[string]string{"changed": "changed", "added": "was added to the build context", "removed": "was removed from the build context"}

// order sorts changed files first, then added ones, then removed ones.
var order = map[string]int{"changed": 2, "added": 1, "removed": 0}

// Changes returns the differences between two lists in the files that the selections may have. Changed files come
// first, then added and removed ones, each sorted by path.
func Changes(before, now Digests, selections []outline.Selection) []Change {
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
	changes = slices.DeleteFunc(changes, func(c Change) bool { return !Copied(c.Path, selections) })
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(-cmp.Compare(order[a.What], order[b.What]), cmp.Compare(a.Path, b.Path))
	})
	return changes
}
