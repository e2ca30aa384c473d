package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

const (
	// maxPackContent is the size of the files in a pack after which a new pack begins. Packs are fetched and
	// unpacked side by side.
	maxPackContent = 64 << 20
	// maxWhole is the size up to which a file is read as a whole before it is written. A larger one is looked
	// through for holes.
	maxWhole = 64 << 10
)

// The keys of a sparse file in a tar header: its size, and the places of its content as OFFSET:LENGTH, separated by
// commas.
const (
	keySize    = "LAYERCACHE.size"
	keyContent = "LAYERCACHE.content"
)

// keyXattr is the prefix with which tar programs keep an extended attribute.
//
// https://man.archlinux.org/man/star.4#SCHILY
const keyXattr = "SCHILY.xattr."

// openFlags are the flags with which files are read.
const openFlags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NOATIME | unix.O_NONBLOCK | unix.O_CLOEXEC

// packWriter writes files to packs.
type packWriter struct {
	dir string
	// first is the number of the first pack.
	first   int
	done    []Pack
	current *openPack
}

type openPack struct {
	file       *hashedFile
	compressed *zstd.Encoder
	tar        *tar.Writer
	content    int64
	// buffer is for the content of files.
	buffer []byte
}

func newPackWriter(dir string, first int) *packWriter { return &packWriter{dir: dir, first: first} }

// added is the place of a file that was added; ok is false if it has disappeared.
type added struct {
	pack  int
	bytes int64
	sum   uint64
	ok    bool
}

// add adds a file. first is its first name, which gets the content.
func (w *packWriter) add(f found, first *name) (added, error) {
	if err := w.open(); err != nil {
		return added{}, err
	}
	bytes, sum, err := w.current.add(f, first.path)
	if errors.Is(err, unix.ENOENT) {
		return added{}, nil
	}
	if err != nil {
		return added{}, fmt.Errorf("pack %q: %w", f.path, err)
	}
	w.current.content += bytes
	return added{pack: w.first + len(w.done), bytes: bytes, sum: sum, ok: true}, nil
}

// open opens a new pack if there is none or the current one is full.
func (w *packWriter) open() error {
	if w.current != nil && w.current.content < maxPackContent {
		return nil
	}
	if err := w.close(); err != nil {
		return err
	}
	file, err := createHashed(filepath.Join(w.dir, "pack-"+strconv.Itoa(len(w.done))+".tar.zst"))
	if err != nil {
		return err
	}
	compressed, err := newEncoder(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	w.current = &openPack{file: file, compressed: compressed, tar: tar.NewWriter(compressed), buffer: make([]byte, maxWhole)}
	return nil
}

// close finishes the current pack.
func (w *packWriter) close() error {
	if w.current == nil {
		return nil
	}
	if err := errors.Join(w.current.tar.Close(), w.current.compressed.Close()); err != nil {
		return err
	}
	pack, err := w.current.file.finish()
	pack.Content = w.current.content
	w.done = append(w.done, pack)
	w.current = nil
	return err
}

// finish returns the packs.
func (w *packWriter) finish() ([]Pack, error) {
	err := w.close()
	return w.done, err
}

// abort closes a pack that was not finished.
func (w *packWriter) abort() {
	if w.current != nil {
		_ = w.current.compressed.Close()
		_ = w.current.file.Close()
	}
}

// add writes the file's header and content. first is the name of the same file that was added before; empty if
// there is none. The sum is Entry.Sum of the index.
func (p *openPack) add(f found, first string) (bytes int64, sum uint64, err error) {
	header := &tar.Header{
		Name: f.path, Mode: int64(f.stat.Mode & 0o7777), Uid: int(f.stat.Uid), Gid: int(f.stat.Gid),
		ModTime: time.Unix(f.stat.Mtim.Sec, 0), PAXRecords: map[string]string{},
	}
	switch {
	case first != "":
		header.Typeflag, header.Linkname = tar.TypeLink, first
		return 0, 0, p.tar.WriteHeader(header)
	case f.isLink():
		header.Typeflag = tar.TypeSymlink
		header.Linkname, err = readLink(f)
		return 0, 0, errors.Join(err, p.writeIf(err == nil, header))
	}
	descriptor, err := unix.Openat(f.parent, f.name, openFlags, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(descriptor)
	var opened unix.Stat_t
	if err := unix.Fstat(descriptor, &opened); err != nil {
		return 0, 0, err
	}
	if opened.Dev != f.stat.Dev || opened.Ino != f.stat.Ino || opened.Mode&unix.S_IFMT != f.stat.Mode&unix.S_IFMT {
		return 0, 0, errors.New("it was replaced while it was read")
	}
	if err := readXattrs(descriptor, header.PAXRecords); err != nil {
		return 0, 0, err
	}
	if f.isFolder() {
		header.Typeflag = tar.TypeDir
		header.Name += "/"
		return 0, 0, p.tar.WriteHeader(header)
	}
	header.Typeflag = tar.TypeReg
	digest := sha256.New()
	writeMetadata(digest, header)
	bytes, err = p.addContent(openFile(descriptor), f.stat.Size, header, digest)
	if err != nil || f.stat.Nlink > 1 {
		return bytes, 0, err
	}
	return bytes, binary.BigEndian.Uint64(digest.Sum(nil)), nil
}

// writeMetadata writes what a header has besides name and times.
func writeMetadata(w io.Writer, header *tar.Header) {
	fmt.Fprintf(w, "%o %d %d\n", header.Mode, header.Uid, header.Gid)
	for _, key := range slices.Sorted(maps.Keys(header.PAXRecords)) {
		fmt.Fprintf(w, "%q %q\n", key, header.PAXRecords[key])
	}
}

// sumOf returns the sum of a file as add does.
func sumOf(f found, buffer []byte) (uint64, error) {
	p := openPack{tar: tar.NewWriter(io.Discard), buffer: buffer}
	_, sum, err := p.add(f, "")
	return sum, err
}

func (p *openPack) writeIf(ok bool, header *tar.Header) error {
	if !ok {
		return nil
	}
	return p.tar.WriteHeader(header)
}

// addContent writes the header and the content of a file. The content and its places are also written to digest.
func (p *openPack) addContent(file openFile, size int64, header *tar.Header, digest io.Writer) (int64, error) {
	if size <= maxWhole {
		n, err := file.ReadAt(p.buffer, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		header.Size = int64(n)
		if err := p.tar.WriteHeader(header); err != nil {
			return 0, err
		}
		_, err = io.MultiWriter(digest, p.tar).Write(p.buffer[:n])
		return header.Size, err
	}
	segments, err := findContent(file, size)
	if err != nil {
		return 0, err
	}
	for _, s := range segments {
		header.Size += s.length
	}
	if header.Size < size {
		header.PAXRecords[keySize], header.PAXRecords[keyContent] = strconv.FormatInt(size, 10), formatSegments(segments)
		fmt.Fprintf(digest, "%d %s\n", size, formatSegments(segments))
	}
	if err := p.tar.WriteHeader(header); err != nil {
		return 0, err
	}
	to := io.MultiWriter(digest, p.tar)
	for _, s := range segments {
		copied, err := io.CopyBuffer(to, io.NewSectionReader(file, s.offset, s.length), p.buffer)
		if err != nil {
			return 0, err
		}
		if copied < s.length {
			return 0, errors.New("it became shorter while it was read")
		}
	}
	return header.Size, nil
}

// segment is a part of a file that is not a hole.
type segment struct{ offset, length int64 }

// findContent returns the parts of the file that are not holes.
func findContent(file openFile, size int64) ([]segment, error) {
	var segments []segment
	for offset := int64(0); offset < size; {
		start, err := unix.Seek(int(file), offset, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // Only a hole is left.
			return segments, nil
		}
		if err != nil {
			return []segment{{0, size}}, nil // This file system does not tell.
		}
		end, err := unix.Seek(int(file), start, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		segments = append(segments, segment{start, min(end, size) - start})
		offset = end
	}
	return segments, nil
}

func formatSegments(segments []segment) string {
	var b strings.Builder
	for i, s := range segments {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d:%d", s.offset, s.length)
	}
	return b.String()
}

// parseSegments is the reverse of formatSegments. size is the size of the content.
func parseSegments(text string, size int64) ([]segment, error) {
	var segments []segment
	var total, last int64
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		offset, length, _ := strings.Cut(part, ":")
		o, err := strconv.ParseInt(offset, 10, 64)
		l, err2 := strconv.ParseInt(length, 10, 64)
		if err := errors.Join(err, err2); err != nil || o < last || l < 0 {
			return nil, fmt.Errorf("the places of a sparse file's content are damaged: %q", part)
		}
		segments = append(segments, segment{o, l})
		total, last = total+l, o+l
	}
	if total != size {
		return nil, errors.New("the places of a sparse file's content do not have its size")
	}
	return segments, nil
}

func readLink(f found) (string, error) {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(f.parent, f.name, buffer)
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}

// isPacked reports whether an extended attribute is packed and restored: those that a step in a container can set. Others
// belong to the machine, such as those with which overlayfs redirects a folder.
//
// https://man7.org/linux/man-pages/man7/xattr.7.html
func isPacked(name string) bool {
	return strings.HasPrefix(name, "user.") || name == "security.capability" || strings.HasPrefix(name, "system.posix_acl_")
}

// readXattrs adds the extended attributes of an open file to the records of its header.
func readXattrs(descriptor int, records map[string]string) error {
	size, err := unix.Flistxattr(descriptor, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	names := make([]byte, size)
	if size, err = unix.Flistxattr(descriptor, names); err != nil {
		return err
	}
	for name := range bytes.SplitSeq(names[:size], []byte{0}) {
		if !isPacked(string(name)) {
			continue
		}
		value := make([]byte, 64<<10) // the largest that Linux allows
		n, err := unix.Fgetxattr(descriptor, string(name), value)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the attribute %s: %w", name, err)
		}
		records[keyXattr+string(name)] = string(value[:n])
	}
	return nil
}

// hashedFile is a new file whose digest is made while it is written.
type hashedFile struct {
	*os.File
	sum   hash.Hash
	bytes int64
}

func createHashed(path string) (*hashedFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &hashedFile{File: file, sum: sha256.New()}, nil
}

func (f *hashedFile) Write(content []byte) (int, error) {
	n, err := f.File.Write(content)
	f.sum.Write(content[:n])
	f.bytes += int64(n)
	return n, err
}

// ReadFrom is not that of the file, which would not update the digest.
func (f *hashedFile) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

func (f *hashedFile) finish() (Pack, error) {
	if err := f.File.Close(); err != nil {
		return Pack{}, err
	}
	return Pack{File: f.Name(), Digest: "sha256:" + hex.EncodeToString(f.sum.Sum(nil)), Bytes: f.bytes}, nil
}
