package archive

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Entry is a file, folder or symbolic link in an index.
type Entry struct {
	// Path is relative to the folder, with slashes. It may contain any byte but NUL.
	Path string
	// Pack is the number of the pack that has the entry.
	Pack int
	// Bytes is the size of a file's content. It is 0 for everything else, and for all but the first name of
	// a file with several names.
	Bytes int64
	// Read is when a step last read the file, in seconds since 1970; 0 for entries that are not files.
	Read int64
	// Sum identifies the content and the metadata of a file, without its times. It is 0 for everything that is not
	// a file with one name.
	Sum uint64
	// Modified is the modification time in nanoseconds since 1970 if it is not that in the pack, otherwise 0. A pack has
	// whole seconds, because a part of a second needs two more blocks in a tar file.
	Modified int64
	// ordinal is the entry's position in the index.
	ordinal int
}

// maxPacks is the largest number of packs that an index may have.
const maxPacks = 4096

// maxPath is the longest path in bytes that an index may have. Linux allows 4,096 for one call, but folders can be
// nested deeper.
const maxPath = 64 << 10

// indexWriter writes an index.
type indexWriter struct {
	compressed *zstd.Encoder
	buffer     []byte
}

// newIndexWriter returns a writer of an index to w. Close it; w stays open.
func newIndexWriter(w io.Writer) (*indexWriter, error) {
	compressed, err := newEncoder(w)
	return &indexWriter{compressed: compressed}, err
}

// Write adds an entry. Entries have to come in the order of a walk.
func (w *indexWriter) Write(e Entry) error {
	w.buffer = binary.AppendUvarint(w.buffer[:0], uint64(e.Pack))
	w.buffer = binary.AppendUvarint(w.buffer, uint64(e.Bytes))
	w.buffer = binary.AppendVarint(w.buffer, e.Read)
	w.buffer = binary.BigEndian.AppendUint64(w.buffer, e.Sum)
	w.buffer = binary.AppendVarint(w.buffer, e.Modified)
	w.buffer = binary.AppendUvarint(w.buffer, uint64(len(e.Path)))
	w.buffer = append(w.buffer, e.Path...)
	_, err := w.compressed.Write(w.buffer)
	return err
}

// Close finishes the index.
func (w *indexWriter) Close() error { return w.compressed.Close() }

// IndexReader reads an index.
type IndexReader struct {
	compressed *zstd.Decoder
	buffered   *bufio.Reader
	last       string
	count      int
}

// NewIndexReader returns a reader of the index in r. Close it; r stays open.
func NewIndexReader(r io.Reader) (*IndexReader, error) {
	compressed, err := newDecoder(r)
	if err != nil {
		return nil, err
	}
	return &IndexReader{compressed: compressed, buffered: bufio.NewReader(compressed)}, nil
}

// Next returns the next entry, and io.EOF after the last. An index with entries out of order is an error.
func (r *IndexReader) Next() (Entry, error) {
	e, length, err := r.numbers()
	if err != nil {
		return Entry{}, err
	}
	return r.path(e, length)
}

// NextOf returns the next entry of one of the packs. Entries of other packs are passed over without a look at their
// paths, because each pack of an archive is restored with a reader of its own.
func (r *IndexReader) NextOf(pack, packs int) (Entry, error) {
	for {
		e, length, err := r.numbers()
		if err != nil {
			return Entry{}, err
		}
		if e.Pack == pack {
			return r.path(e, length)
		}
		if e.Pack >= packs {
			entry, err := r.path(e, length)
			return entry, cmp.Or(err, fmt.Errorf("no pack has %q, which is in the index", entry.Path))
		}
		if _, err := r.buffered.Discard(length); err != nil {
			return Entry{}, fmt.Errorf("read the index: %w", noEOF(err))
		}
	}
}

// numbers reads an entry up to its path, which follows with this length.
func (r *IndexReader) numbers() (e Entry, length int, err error) {
	pack, err := binary.ReadUvarint(r.buffered)
	if errors.Is(err, io.EOF) {
		return Entry{}, 0, io.EOF
	}
	bytes, err2 := binary.ReadUvarint(r.buffered)
	read, err3 := binary.ReadVarint(r.buffered)
	var sum [8]byte
	_, err4 := io.ReadFull(r.buffered, sum[:])
	modified, err5 := binary.ReadVarint(r.buffered)
	size, err6 := binary.ReadUvarint(r.buffered)
	if err := errors.Join(err, err2, err3, err4, err5, err6); err != nil {
		return Entry{}, 0, fmt.Errorf("read the index: %w", noEOF(err))
	}
	if size == 0 || size > maxPath || pack > maxPacks || int64(bytes) < 0 {
		return Entry{}, 0, errors.New("read the index: it is damaged")
	}
	if r.count++; r.count > maxEntries {
		return Entry{}, 0, fmt.Errorf("read the index: %w", errTooMany)
	}
	return Entry{
		Pack: int(pack), Bytes: int64(bytes), Read: read, Sum: binary.BigEndian.Uint64(sum[:]), Modified: modified, ordinal: r.count - 1,
	}, int(size), nil
}

// path reads the path of an entry.
func (r *IndexReader) path(e Entry, length int) (Entry, error) {
	path := make([]byte, length)
	if _, err := io.ReadFull(r.buffered, path); err != nil {
		return Entry{}, fmt.Errorf("read the index: %w", noEOF(err))
	}
	e.Path = string(path)
	if strings.Count(e.Path, "/") >= maxDepth {
		return Entry{}, fmt.Errorf("read the index: %w", errTooDeep)
	}
	if !isLocal(e.Path) {
		return Entry{}, fmt.Errorf("read the index: %q is not a path below the folder", e.Path)
	}
	if r.last != "" && compareWalk(r.last, e.Path) >= 0 {
		return Entry{}, fmt.Errorf("read the index: %q is out of order", e.Path)
	}
	r.last = e.Path
	return e, nil
}

// Close releases the reader's memory.
func (r *IndexReader) Close() { r.compressed.Close() }

// isLocal reports whether the path has only parts that are names. filepath.IsLocal allows "..".
func isLocal(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.IndexByte(part, 0) >= 0 {
			return false
		}
	}
	return true
}

// compareWalk compares two paths in the order of a walk, in which a slash sorts before all other bytes.
func compareWalk(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		default:
			return 1
		}
	}
	return len(a) - len(b)
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
