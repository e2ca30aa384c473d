package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// found is a file, folder or symbolic link that a walk found.
type found struct {
	// path is relative to the walk's folder; name is its last part and parent the open folder that it is in.
	path, name string
	parent     int
	stat       unix.Stat_t
}

func (f found) isFolder() bool { return f.stat.Mode&unix.S_IFMT == unix.S_IFDIR }
func (f found) isFile() bool   { return f.stat.Mode&unix.S_IFMT == unix.S_IFREG }
func (f found) isLink() bool   { return f.stat.Mode&unix.S_IFMT == unix.S_IFLNK }

// walk calls visit for the files, folders and symbolic links below a folder, in the order of an archive. It follows
// no symbolic links, and leaves out the excluded paths with what is below them. A file that disappears during
// the walk is left out too. below is the path of the folder in dir, to which no symbolic link may lead.
func walk(ctx context.Context, dir, below string, excluded []string, visit func(found) error) error {
	root, err := openBelow(dir, below)
	if err != nil {
		return err
	}
	entries := 0
	return walkFolder(ctx, root, "", excluded, func(f found) error {
		if entries++; entries > maxEntries {
			return errTooMany
		}
		return visit(f)
	})
}

// openBelow opens a folder below dir.
func openBelow(dir, below string) (int, error) {
	current, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	if below == "" {
		return current, nil
	}
	if !isLocal(below) {
		return 0, errors.Join(fmt.Errorf("%q is not a path below %s", below, dir), unix.Close(current))
	}
	for name := range strings.SplitSeq(below, "/") {
		next, err := unix.Openat(current, name, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_RDONLY|unix.O_CLOEXEC, 0)
		_ = unix.Close(current)
		if err != nil {
			return 0, &os.PathError{Op: "open", Path: join(dir, below), Err: err}
		}
		current = next
	}
	return current, nil
}

// walkFolder walks through an open folder and closes it.
func walkFolder(ctx context.Context, descriptor int, path string, excluded []string, visit func(found) error) error {
	folder := os.NewFile(uintptr(descriptor), path)
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("read the folder %q: %w", path, err)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := found{path: join(path, name), name: name, parent: descriptor}
		if slices.Contains(excluded, f.path) {
			continue
		}
		err := unix.Fstatat(descriptor, name, &f.stat, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "stat", Path: f.path, Err: err}
		}
		if !f.isFolder() && !f.isFile() && !f.isLink() {
			continue
		}
		if err := visit(f); err != nil {
			return err
		}
		if !f.isFolder() {
			continue
		}
		if strings.Count(f.path, "/") >= maxDepth-1 {
			return errTooDeep
		}
		below, err := unix.Openat(descriptor, name, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "open", Path: f.path, Err: err}
		}
		if err := walkFolder(ctx, below, f.path, excluded, visit); err != nil {
			return err
		}
	}
	return nil
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

// Time is a time of a file system, in nanoseconds since 1970.
type Time int64

// changed is when the file's content or metadata was last changed. Programs cannot set it.
func (f found) changed() Time { return Time(f.stat.Ctim.Nano()) }

// read is when the file was last read, in seconds since 1970.
func (f found) read() int64 { return int64(f.stat.Atim.Sec) }
