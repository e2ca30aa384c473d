package archive

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// tree is a folder in which files are created. It keeps the folders of the last path open, because paths come in
// the order of a walk. It follows no symbolic link, so no path leads out of the folder.
type tree struct {
	// open are the open folders from the root to the last one; names are those after the root.
	open  []int
	names []string
	// buffer is for the content of files.
	buffer []byte
	// created counts the files and folders of all trees of a restore. It is nil for a tree in which nothing is created.
	created *atomic.Int64
}

func openTree(dir string, created *atomic.Int64) (*tree, error) {
	root, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return &tree{open: []int{root}, buffer: make([]byte, maxWhole), created: created}, nil
}

func (t *tree) close() {
	t.leave(0)
	_ = unix.Close(t.open[0])
}

// leave closes the folders below the first depth names.
func (t *tree) leave(depth int) {
	for _, descriptor := range t.open[depth+1:] {
		_ = unix.Close(descriptor)
	}
	t.open, t.names = t.open[:depth+1], t.names[:depth]
}

// count counts something that was created or is about to be. An index names each folder of an archive, but an index that
// does not may make a thousand for each of its files.
func (t *tree) count() error {
	if t.created.Add(1) > maxEntries {
		return errTooMany
	}
	return nil
}

// enter opens the folder with this path. It creates it if it does not exist, except in a tree in which nothing is created.
// The tree closes it.
func (t *tree) enter(path string) (int, error) {
	names := strings.Split(path, "/")
	if path == "" {
		names = nil
	}
	same := 0
	for same < len(names) && same < len(t.names) && names[same] == t.names[same] {
		same++
	}
	t.leave(same)
	for _, name := range names[same:] {
		current := t.open[len(t.open)-1]
		if t.created != nil {
			if err := t.create(current, name); err != nil {
				return 0, err
			}
		}
		next, err := unix.Openat(current, name, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		t.open, t.names = append(t.open, next), append(t.names, name)
	}
	return t.open[len(t.open)-1], nil
}

// create creates a folder if it does not exist.
func (t *tree) create(parent int, name string) error {
	err := unix.Mkdirat(parent, name, 0o700)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return errors.Join(err, t.count())
}

// enterNew enters the folder of a path in which something is about to be created, and returns it with the path's last part.
func (t *tree) enterNew(path string) (parent int, name string, err error) {
	if err := t.count(); err != nil {
		return 0, "", err
	}
	return t.enterParent(path)
}

// enterParent enters the folder of a path, and returns it with the path's last part.
func (t *tree) enterParent(path string) (parent int, name string, err error) {
	slash := strings.LastIndexByte(path, '/')
	parent, err = t.enter(path[:max(slash, 0)])
	return parent, lastPart(path), err
}

// parent returns the folder of the one that was entered last.
func (t *tree) parent() int { return t.open[len(t.open)-2] }

func lastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
