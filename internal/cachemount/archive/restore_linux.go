package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// parallelPacks is how many packs are fetched and unpacked at a time.
const parallelPacks = 4

// Source opens a pack of an archive.
type Source func(ctx context.Context) (io.ReadCloser, error)

// Restore restores an archive into an empty folder. index is the file with its index, and temp an existing folder on
// the same file system as dir. An archive whose files have more than limit bytes is an ErrLimit; 0 means no limit. It
// returns the time after which a file of the folder counts as changed. After an error the folder may have some of
// the files.
func Restore(ctx context.Context, dir, index, temp string, packs []Source, limit int64) (Totals, Time, error) {
	r := &restore{dir: dir, index: index, limit: limit, packs: len(packs)}
	var err error
	if r.folders, err = newSpill(temp); err != nil {
		return Totals{}, 0, err
	}
	defer r.folders.close()
	if r.links, err = newSpill(temp); err != nil {
		return Totals{}, 0, err
	}
	defer r.links.close()
	if len(packs) == 0 {
		if err := r.checkEmpty(); err != nil {
			return Totals{}, 0, err
		}
	}
	group, unpacking := errgroup.WithContext(ctx)
	group.SetLimit(parallelPacks)
	for i, open := range packs {
		group.Go(func() error {
			if err := r.unpack(unpacking, i, open); err != nil {
				return fmt.Errorf("pack %d: %w", i+1, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Totals{}, 0, err
	}
	if err := r.addLinks(ctx); err != nil {
		return Totals{}, 0, err
	}
	if err := r.finishFolders(ctx); err != nil {
		return Totals{}, 0, err
	}
	now, err := tick(temp)
	return r.totals, now, err
}

// Move moves the files of a folder that Restore has filled into an empty one on the same file system. temp is an existing
// folder there. It returns the time after which a file counts as changed. After an error both folders may have
// some of the files.
func Move(from, to, temp string) (Time, error) {
	source, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer source.Close()
	target, err := os.Open(to)
	if err != nil {
		return 0, err
	}
	defer target.Close()
	names, err := source.Readdirnames(-1)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if err := unix.Renameat(int(source.Fd()), name, int(target.Fd()), name); err != nil {
			return 0, &os.LinkError{Op: "rename", Old: filepath.Join(from, name), New: filepath.Join(to, name), Err: err}
		}
	}
	return tick(temp)
}

// tick waits until the file system's clock goes on, and returns its time before that. So all changes until now
// have at most this time, and all later ones a later time.
func tick(temp string) (Time, error) {
	file, err := os.CreateTemp(temp, "clock-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	var first Time
	for {
		var stat unix.Stat_t
		if err := errors.Join(file.Chmod(0o600), unix.Fstat(int(file.Fd()), &stat)); err != nil {
			return 0, err
		}
		now := Time(stat.Ctim.Nano())
		if first == 0 {
			first = now
		}
		if now > first {
			return first, nil
		}
		time.Sleep(time.Millisecond)
	}
}

type restore struct {
	dir, index string
	// limit is the largest size of all files, packs the number of packs.
	limit int64
	packs int
	// created counts what was created in dir.
	created atomic.Int64
	// unpacked is the number of bytes that were decompressed, dead files and headers included.
	unpacked atomic.Int64

	lock   sync.Mutex
	totals Totals
	// Folders get their metadata, and files their further names, after everything else.
	folders, links *spill
}

// checkEmpty returns an error if the index of an archive without packs has an entry.
func (r *restore) checkEmpty() error {
	index, err := openIndex(r.index)
	if err != nil {
		return err
	}
	defer index.Close()
	entry, err := index.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("no pack has %q, which is in the index", entry.Path)
}

// unpack restores the files of one pack that are in the index.
func (r *restore) unpack(ctx context.Context, number int, open Source) error {
	index, err := openIndex(r.index)
	if err != nil {
		return err
	}
	defer index.Close()
	blob, err := open(ctx)
	if err != nil {
		return err
	}
	defer blob.Close()
	decompressed, err := newDecoder(blob)
	if err != nil {
		return err
	}
	defer decompressed.Close()
	tree, err := openTree(r.dir, &r.created)
	if err != nil {
		return err
	}
	defer tree.close()
	content := tar.NewReader(measuredReader{ctx, decompressed, r})
	if err := r.extract(ctx, index.IndexReader, number, content, tree); err != nil {
		return err
	}
	// What opened the pack may check its digest at its end.
	_, err = io.Copy(io.Discard, blob)
	return err
}

// measuredReader reads a pack until the context ends. It fails if the packs have much more than the files that may be
// restored: an archive has at most as much dead content as live one.
type measuredReader struct {
	ctx     context.Context
	inner   io.Reader
	restore *restore
}

func (m measuredReader) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.inner.Read(p)
	total := m.restore.unpacked.Add(int64(n))
	if limit := m.restore.limit; limit > 0 && total-maxOverhead > 2*limit {
		return n, errors.Join(checkLimit(total, limit), err)
	}
	return n, err
}

// extract restores the files of a tar file that are in the index, and reads the tar file to its end.
func (r *restore) extract(ctx context.Context, index *IndexReader, pack int, archived *tar.Reader, tree *tree) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		wanted, indexErr := index.NextOf(pack, r.packs)
		if indexErr != nil && !errors.Is(indexErr, io.EOF) {
			return indexErr
		}
		for {
			header, err := archived.Next()
			if errors.Is(err, io.EOF) {
				if indexErr == nil {
					return fmt.Errorf("it lacks %q, which the index says it has", wanted.Path)
				}
				return nil
			}
			if err != nil {
				return err
			}
			if indexErr == nil && strings.TrimSuffix(header.Name, "/") == wanted.Path {
				if err := r.extractOne(tree, wanted, header, archived); err != nil {
					return fmt.Errorf("restore %q: %w", wanted.Path, err)
				}
				break
			}
		}
	}
}

func (r *restore) extractOne(tree *tree, entry Entry, header *tar.Header, content io.Reader) error {
	header.Name = entry.Path
	header.AccessTime = time.Unix(entry.Read, 0)
	if entry.Modified != 0 {
		header.ModTime = time.Unix(0, entry.Modified)
	}
	r.lock.Lock()
	r.totals.add(entry.Bytes)
	err := checkLimit(r.totals.Bytes, r.limit)
	r.lock.Unlock()
	if err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if _, err := tree.enter(entry.Path); err != nil {
			return err
		}
		return r.folders.add(header)
	case tar.TypeLink:
		return r.links.add(header)
	case tar.TypeSymlink:
		return tree.addSymlink(header)
	case tar.TypeReg:
		if header.Size != entry.Bytes {
			return errors.New("its size is not that of the index")
		}
		return tree.addFile(header, content)
	}
	return fmt.Errorf("unknown type %q", header.Typeflag)
}

// addLinks adds the further names of files. All packs have been unpacked then.
func (r *restore) addLinks(ctx context.Context) error {
	tree, err := openTree(r.dir, &r.created)
	if err != nil {
		return err
	}
	defer tree.close()
	target, err := openTree(r.dir, nil)
	if err != nil {
		return err
	}
	defer target.close()
	return r.links.each(func(header *tar.Header) error {
		if !isLocal(header.Linkname) {
			return fmt.Errorf("restore %q: its other name %q is not in the folder", header.Name, header.Linkname)
		}
		if strings.Count(header.Linkname, "/") >= maxDepth {
			return fmt.Errorf("restore %q: its other name: %w", header.Name, errTooDeep)
		}
		if err := errors.Join(ctx.Err(), tree.addLink(header.Name, target, header.Linkname)); err != nil {
			return fmt.Errorf("restore %q: %w", header.Name, err)
		}
		return nil
	})
}

// finishFolders sets the metadata of the folders, after all files were added: adding a file changes its folder's time.
func (r *restore) finishFolders(ctx context.Context) error {
	tree, err := openTree(r.dir, nil)
	if err != nil {
		return err
	}
	defer tree.close()
	return r.folders.each(func(header *tar.Header) error {
		folder, err := tree.enter(header.Name)
		if err == nil {
			err = setMetadata(folder, header)
		}
		if err == nil {
			err = unix.UtimesNanoAt(tree.parent(), lastPart(header.Name), times(header), unix.AT_SYMLINK_NOFOLLOW)
		}
		if err := errors.Join(ctx.Err(), err); err != nil {
			return fmt.Errorf("restore %q: %w", header.Name, err)
		}
		return nil
	})
}

// setMetadata sets owner, extended attributes and mode of an open file, in the order in which Linux keeps them:
// a new owner removes the set-user-ID bit and capabilities.
func setMetadata(descriptor int, header *tar.Header) error {
	if err := unix.Fchown(descriptor, header.Uid, header.Gid); err != nil {
		return err
	}
	for key, value := range header.PAXRecords {
		name, ok := strings.CutPrefix(key, keyXattr)
		if !ok {
			continue
		}
		if !isPacked(name) {
			return fmt.Errorf("the attribute %s is not one that a step may set", name)
		}
		if err := unix.Fsetxattr(descriptor, name, []byte(value), 0); err != nil {
			return fmt.Errorf("set the attribute %s: %w", name, err)
		}
	}
	return unix.Fchmod(descriptor, uint32(header.Mode&0o7777))
}

// times returns access and modification time.
func times(header *tar.Header) []unix.Timespec {
	access, _ := unix.TimeToTimespec(header.AccessTime)
	modification, _ := unix.TimeToTimespec(header.ModTime)
	return []unix.Timespec{access, modification}
}

// addFile creates a file.
func (t *tree) addFile(header *tar.Header, content io.Reader) error {
	parent, name, err := t.enterNew(header.Name)
	if err != nil {
		return err
	}
	descriptor, err := unix.Openat(parent, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	if err := t.writeContent(openFile(descriptor), header, content); err != nil {
		return err
	}
	if err := setMetadata(descriptor, header); err != nil {
		return err
	}
	return unix.UtimesNanoAt(parent, name, times(header), unix.AT_SYMLINK_NOFOLLOW)
}

func (t *tree) writeContent(file openFile, header *tar.Header, content io.Reader) error {
	places, sparse := header.PAXRecords[keyContent]
	if !sparse {
		return t.copy(file, content, header.Size)
	}
	segments, err := parseSegments(places, header.Size)
	if err != nil {
		return err
	}
	for _, s := range segments {
		if _, err := unix.Seek(int(file), s.offset, io.SeekStart); err != nil {
			return err
		}
		if err := t.copy(file, content, s.length); err != nil {
			return err
		}
	}
	size, err := strconv.ParseInt(header.PAXRecords[keySize], 10, 64)
	if err != nil {
		return fmt.Errorf("the size of a sparse file is damaged: %w", err)
	}
	if last := len(segments) - 1; last >= 0 && segments[last].offset+segments[last].length > size {
		return errors.New("a sparse file has content behind its end")
	}
	return unix.Ftruncate(int(file), size)
}

// copy copies size bytes through the tree's buffer. io.Copy would allocate one for each file.
func (t *tree) copy(to openFile, from io.Reader, size int64) error {
	for size > 0 {
		part := t.buffer[:min(size, int64(len(t.buffer)))]
		if _, err := io.ReadFull(from, part); err != nil {
			return noEOF(err)
		}
		if _, err := to.Write(part); err != nil {
			return err
		}
		size -= int64(len(part))
	}
	return nil
}

// openFile is the descriptor of an open regular file. An os.File costs memory for each file and registers it with
// the network poller.
type openFile int

func (f openFile) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := unix.Write(int(f), p[written:])
		if err != nil && !errors.Is(err, unix.EINTR) {
			return written, err
		}
		written += max(n, 0)
	}
	return written, nil
}

// ReadAt implements io.ReaderAt.
func (f openFile) ReadAt(p []byte, offset int64) (int, error) {
	read := 0
	for read < len(p) {
		n, err := unix.Pread(int(f), p[read:], offset+int64(read))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return read, err
		case n == 0:
			return read, io.EOF
		}
		read += max(n, 0)
	}
	return read, nil
}

func (t *tree) addSymlink(header *tar.Header) error {
	parent, name, err := t.enterNew(header.Name)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(header.Linkname, parent, name); err != nil {
		return err
	}
	if err := unix.Fchownat(parent, name, header.Uid, header.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return unix.UtimesNanoAt(parent, name, times(header), unix.AT_SYMLINK_NOFOLLOW)
}

// addLink gives the file with the name first of the other tree the name path.
func (t *tree) addLink(path string, other *tree, first string) error {
	parent, name, err := t.enterNew(path)
	if err != nil {
		return err
	}
	firstParent, firstName, err := other.enterParent(first)
	if err != nil {
		return err
	}
	return unix.Linkat(firstParent, firstName, parent, name, 0)
}
