package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"
)

// mergeFactor makes an update merge the older packs that have at most this many times the content of the new
// one. So an archive has about as many packs as its size has binary digits, and each file is written again
// about that often.
const mergeFactor = 2

// Update is a folder from which an archive is to be made or updated.
type Update struct {
	// Dir is the folder. If Below is not empty, the folder is that one in Dir; a step may have replaced it or one
	// above it, so no symbolic link is followed.
	Dir, Below string
	// Index is the file with the index from which Dir was restored, and Packs are that archive's packs; both
	// are empty if nothing was restored.
	Index string
	Packs []Content
	// Restored is the time that Restore returned. Files that changed after it are new.
	Restored Time
	// Until leaves out the changes from this time on, because a step that failed may have made them; 0 means
	// none. The archive then keeps what it had, and Limit does not apply.
	Until Time
	// Whole writes all packs again, because the archive's packs cannot be used in the new one.
	Whole bool
	// Limit is the largest size of all files in bytes; 0 means no limit.
	Limit int64
	// Space is the largest size of the files in new packs; 0 means no limit. Needing more is an errSpace.
	Space int64
	// Exclude lists paths below Dir that are left out with what is below them.
	Exclude []string
	// Temp is an existing folder for the new packs and index.
	Temp string
}

// errSpace is the error of an update that needs more than Update.Space.
var errSpace = errors.New("there is not enough disk space")

// Content is what an update has to know of an existing pack: the size of the files that were written to it.
type Content int64

// Updated is the result of an update.
type Updated struct {
	// Changed is true if there is a new archive. Otherwise only Withheld, Read and Totals are set.
	Changed bool
	// Withheld is true if something changed and is left out, because a step failed and the old packs are not kept.
	Withheld bool
	// Index is the new index.
	Index Pack
	// Kept are the numbers of the packs that are still needed, in the order of the new archive. New follow
	// them.
	Kept []int
	New  []Pack
	// Totals count the new archive's files. Read counts those that were read since they were restored, and
	// Evicted those that were left out because of the limit.
	Totals, Read, Evicted Totals
}

// Run writes the packs and the index that are needed for the folder as it is now.
func (u Update) Run(ctx context.Context) (Updated, error) {
	plan, err := u.plan(ctx)
	if err != nil || !plan.changed {
		return Updated{Read: plan.read, Totals: plan.totals, Withheld: plan.withheld}, err
	}
	if u.Space > 0 && plan.packed > u.Space {
		return Updated{}, fmt.Errorf("%w to pack %s", errSpace, units.BytesSize(float64(plan.packed)))
	}
	return u.write(ctx, plan)
}

// plan is what the first walk through the folder found.
type plan struct {
	changed, withheld bool
	// fresh is the size of the new and changed files; live that of the files of each old pack that are still
	// in the folder.
	fresh int64
	live  []int64
	// packed is the size of the files that are packed.
	packed int64
	// bytesByRead is the size of the files by the second in which they were last read.
	bytesByRead  map[int64]int64
	totals, read Totals
	// repack are the old packs whose live files are written again.
	repack []bool
	evict  eviction
	// touched has the positions in the old index of the files of which only the times were changed.
	touched bitset
}

// planner makes the plan of an update.
type planner struct {
	Update
	plan
	// names has the files with several names that were counted, by inode.
	names map[uint64]bool
	// buffer is for the content of one file.
	buffer []byte
}

func (u Update) plan(ctx context.Context) (plan, error) {
	p := planner{
		Update: u, names: map[uint64]bool{}, buffer: make([]byte, maxWhole),
		plan: plan{live: make([]int64, len(u.Packs)), bytesByRead: map[int64]int64{}, repack: make([]bool, len(u.Packs))},
	}
	if err := u.compare(ctx, p.visit); err != nil {
		return p.plan, err
	}
	if u.Until > 0 {
		return p.plan, p.afterFailure()
	}
	p.evict = newEviction(p.bytesByRead, p.totals.Bytes, u.Limit)
	p.changed = p.changed || p.evict.bytes > 0
	p.chooseRepack(u.Packs, u.Whole)
	p.packed = p.fresh
	for i, repacked := range p.repack {
		if repacked {
			p.packed += p.live[i]
		}
	}
	p.packed = min(p.packed, p.totals.Bytes-p.evict.bytes)
	return p.plan, nil
}

// visit counts a file, or an entry that no longer has one.
func (p *planner) visit(f *found, before *Entry) error {
	if f == nil || p.mayBeOfFailedStep(*f) {
		p.changed = p.changed || p.Until == 0
		if before != nil {
			p.totals.add(before.Bytes)
		}
		return nil
	}
	bytes, err := f.contentBytes()
	if err != nil {
		return err
	}
	if f.stat.Nlink > 1 && f.isFile() {
		if p.names[f.stat.Ino] {
			bytes = 0
		}
		p.names[f.stat.Ino] = true
	}
	p.totals.add(bytes)
	switch {
	case !p.mayBeFresh(*f, before):
		p.live[before.Pack] += before.Bytes
	case isTouched(*f, before, p.buffer):
		p.touched.add(before.ordinal)
		p.live[before.Pack] += before.Bytes
		p.changed = true
	default:
		p.fresh += bytes
		p.changed = p.changed || before == nil || !f.isFolder()
	}
	if f.isFile() {
		p.bytesByRead[f.read()] += bytes
		if before != nil && f.read() > before.Read {
			p.read.add(bytes)
		}
	}
	return nil
}

// afterFailure completes the plan for a folder in which a step failed: nothing is evicted, and all old packs are kept.
func (p *planner) afterFailure() error {
	p.packed = p.fresh
	p.withheld = p.changed && p.Whole // without the old packs, what the failed step changed would be lost
	p.changed = p.changed && !p.withheld
	if !p.changed {
		return nil
	}
	return checkLimit(p.totals.Bytes, p.Limit)
}

// chooseRepack chooses all packs, or those that are mostly dead, and then the small ones, so that the number of packs stays
// small. A full pack would only become another full pack.
func (p *plan) chooseRepack(packs []Content, whole bool) {
	var others []int
	size := p.fresh
	for i, content := range packs {
		if whole || p.live[i] < int64(content)/2 {
			p.repack[i] = true
			size += p.live[i]
		} else if content < maxPackContent {
			others = append(others, i)
		}
	}
	slices.SortFunc(others, func(a, b int) int { return int(packs[a] - packs[b]) })
	for _, i := range others {
		if int64(packs[i]) > mergeFactor*size {
			break
		}
		p.repack[i] = true
		size += p.live[i]
	}
}

// mayBeOfFailedStep reports whether a step that failed may have made or changed the file. The archive then keeps
// what it had. Folders are not left out: what is in them needs them.
func (u Update) mayBeOfFailedStep(f found) bool {
	return u.Until > 0 && !f.isFolder() && f.changed() >= u.Until
}

// mayBeFresh reports whether the file may have to be packed because no pack has it as it is now.
func (u Update) mayBeFresh(f found, before *Entry) bool {
	return before == nil || f.changed() > u.Restored
}

// isTouched reports whether only the times of the file were changed. Go's build cache sets the time of each entry that
// it uses.
func isTouched(f found, before *Entry, buffer []byte) bool {
	if before == nil || before.Sum == 0 || !f.isFile() || f.stat.Mtim.Nano() == 0 {
		return false
	}
	sum, err := sumOf(f, buffer)
	return err == nil && sum == before.Sum
}

// bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) add(n int) {
	for len(*b) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bitset) has(n int) bool { return n/64 < len(b) && b[n/64]&(1<<(n%64)) != 0 }

// compare walks through the folder and the index from which it was restored. It calls visit for each file with
// its entry of before, which is nil for a new one, and for each entry that no longer has a file, with a nil file.
func (u Update) compare(ctx context.Context, visit func(f *found, before *Entry) error) error {
	before, err := u.openIndex()
	if err != nil {
		return err
	}
	defer before.Close()
	gone := func(e Entry) error { return visit(nil, &e) }
	err = walk(ctx, u.Dir, u.Below, u.Exclude, func(f found) error {
		entry, err := before.seek(f.path, gone)
		if err != nil {
			return err
		}
		return visit(&f, entry)
	})
	if err != nil {
		return err
	}
	_, err = before.seek("", gone)
	return err
}

// cursor goes through an index together with a walk.
type cursor struct {
	*IndexReader
	file    *os.File
	current *Entry
}

func (u Update) openIndex() (*cursor, error) {
	if u.Index == "" {
		return &cursor{}, nil
	}
	c, err := openIndex(u.Index)
	if err != nil {
		return nil, err
	}
	return c, c.advance()
}

// openIndex opens a file with an index, before its first entry.
func openIndex(path string) (*cursor, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	reader, err := NewIndexReader(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &cursor{IndexReader: reader, file: file}, nil
}

func (c *cursor) advance() error {
	c.current = nil
	entry, err := c.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	c.current = &entry
	return err
}

// seek returns the entry of the path, or nil. It calls gone for the entries that it passes over; with an empty
// path, for all that are left.
func (c *cursor) seek(path string, gone func(Entry) error) (*Entry, error) {
	for c.current != nil {
		order := -1
		if path != "" {
			order = compareWalk(c.current.Path, path)
		}
		if order > 0 {
			return nil, nil
		}
		entry := *c.current
		if err := c.advance(); err != nil {
			return nil, err
		}
		if order == 0 {
			return &entry, nil
		}
		if err := gone(entry); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (c *cursor) Close() {
	if c.IndexReader != nil {
		c.IndexReader.Close()
		_ = c.file.Close()
	}
}

// eviction decides which files are left out because of the limit.
type eviction struct {
	// before is a second: files that were last read earlier are left out, and of those that were last read in
	// it, the first ones with together rest bytes.
	before, rest int64
	// bytes is the size of all files that are left out.
	bytes int64
}

func newEviction(bytesByRead map[int64]int64, total, limit int64) eviction {
	e := eviction{before: -1 << 62}
	if limit <= 0 || total <= limit {
		return e
	}
	e.bytes = total - limit
	left := e.bytes
	var seconds []int64
	for second := range bytesByRead {
		seconds = append(seconds, second)
	}
	slices.Sort(seconds)
	for _, second := range seconds {
		e.before, e.rest = second, left
		if left <= bytesByRead[second] {
			return e
		}
		left -= bytesByRead[second]
	}
	return e
}

// evicts reports whether the file is left out. Call it once for each file, in the order of the walk.
func (e *eviction) evicts(f found, bytes int64) bool {
	if e.bytes == 0 || !f.isFile() || f.read() > e.before {
		return false
	}
	if f.read() < e.before {
		return true
	}
	if e.rest <= 0 {
		return false
	}
	e.rest -= bytes
	return true
}

// updateWriter writes what an update plans.
type updateWriter struct {
	Update
	plan
	// number has the numbers of the kept packs in the new archive, by their numbers in the old one.
	number []int
	packs  *packWriter
	index  *indexFile
	// names has the files with several names, by inode.
	names  map[uint64]*name
	result Updated
}

// write walks through the folder a second time, and writes the new packs and the new index.
func (u Update) write(ctx context.Context, p plan) (Updated, error) {
	w := updateWriter{Update: u, plan: p, number: make([]int, len(u.Packs)), names: map[uint64]*name{}, result: Updated{Changed: true, Read: p.read}}
	for i := range u.Packs {
		if !p.repack[i] {
			w.number[i] = len(w.result.Kept)
			w.result.Kept = append(w.result.Kept, i)
		}
	}
	var err error
	if w.index, err = createIndex(filepath.Join(u.Temp, "index.zst")); err != nil {
		return Updated{}, err
	}
	defer w.index.Close()
	w.packs = newPackWriter(u.Temp, len(w.result.Kept))
	defer w.packs.abort()
	if err := u.compare(ctx, w.visit); err != nil {
		return Updated{}, err
	}
	if w.result.New, err = w.packs.finish(); err != nil {
		return Updated{}, err
	}
	w.result.Index, err = w.index.finish()
	return w.result, err
}

// visit writes a file, or keeps or drops an entry that no longer has one.
func (w *updateWriter) visit(f *found, before *Entry) error {
	if f == nil || w.mayBeOfFailedStep(*f) {
		return w.keepAsBefore(before, w.index, &w.result.Totals)
	}
	first := f.firstName(w.names)
	bytes, err := f.contentBytes()
	if err != nil {
		return err
	}
	if first.evicted == nil {
		evicted := w.evict.evicts(*f, bytes)
		first.evicted = &evicted
	}
	if *first.evicted {
		w.result.Evicted.add(bytes)
		return nil
	}
	entry, err := w.entryOf(*f, before, first)
	if err != nil || entry == nil {
		return err
	}
	first.path = cmp.Or(first.path, f.path)
	w.result.Totals.add(entry.Bytes)
	return w.index.Write(*entry)
}

// entryOf returns the entry of a file in the new index. It packs the file if no kept pack has it as it is now, and returns
// nil if the file has gone since.
func (w *updateWriter) entryOf(f found, before *Entry, first *name) (*Entry, error) {
	entry := &Entry{Path: f.path}
	if f.isFile() {
		entry.Read = f.read()
	}
	touched := before != nil && w.touched.has(before.ordinal)
	if (touched || !w.mayBeFresh(f, before)) && !w.repack[before.Pack] {
		entry.Pack, entry.Bytes, entry.Sum, entry.Modified = w.number[before.Pack], before.Bytes, before.Sum, before.Modified
		if touched {
			entry.Modified = f.stat.Mtim.Nano()
		}
		return entry, nil
	}
	added, err := w.packs.add(f, first)
	if err != nil || !added.ok {
		return nil, err
	}
	entry.Pack, entry.Bytes, entry.Sum = added.pack, added.bytes, added.sum
	if f.stat.Mtim.Nsec != 0 {
		entry.Modified = f.stat.Mtim.Nano()
	}
	return entry, nil
}

// keepAsBefore keeps an entry whose file a failed step may have removed or changed; nothing if it was not in the
// archive. Otherwise the file was removed, and its entry is not kept. No pack is written again then, so the
// packs keep their numbers.
func (u Update) keepAsBefore(before *Entry, index *indexFile, totals *Totals) error {
	if before == nil || u.Until == 0 {
		return nil
	}
	totals.add(before.Bytes)
	return index.Write(*before)
}

// name is the first name of a file that has several.
type name struct {
	path    string
	evicted *bool
}

// firstName returns the first name of the file, and a new one for a file with one name.
func (f found) firstName(names map[uint64]*name) *name {
	if !f.isFile() || f.stat.Nlink < 2 {
		return &name{}
	}
	if names[f.stat.Ino] == nil {
		names[f.stat.Ino] = &name{}
	}
	return names[f.stat.Ino]
}

// contentBytes returns the size of a file's content without its holes. A pack has at most that much of it.
func (f found) contentBytes() (int64, error) {
	switch {
	case !f.isFile():
		return 0, nil
	case f.stat.Size <= maxWhole, f.stat.Blocks*512 >= f.stat.Size:
		return f.stat.Size, nil
	}
	// It has holes, or the file system compresses it.
	descriptor, err := unix.Openat(f.parent, f.name, openFlags, 0)
	if errors.Is(err, unix.ENOENT) {
		return 0, nil
	}
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: f.path, Err: err}
	}
	defer unix.Close(descriptor)
	segments, err := findContent(openFile(descriptor), f.stat.Size)
	var bytes int64
	for _, s := range segments {
		bytes += s.length
	}
	return bytes, err
}

// Empty writes the index of an archive without files to a new file in the folder temp.
func Empty(temp string) (Pack, error) {
	index, err := createIndex(filepath.Join(temp, "empty.zst"))
	if err != nil {
		return Pack{}, err
	}
	defer index.Close()
	return index.finish()
}

type indexFile struct {
	*indexWriter
	file *hashedFile
}

func createIndex(path string) (*indexFile, error) {
	file, err := createHashed(path)
	if err != nil {
		return nil, err
	}
	w, err := newIndexWriter(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &indexFile{w, file}, nil
}

func (i *indexFile) finish() (Pack, error) {
	if err := i.indexWriter.Close(); err != nil {
		return Pack{}, fmt.Errorf("write the index: %w", err)
	}
	return i.file.finish()
}

func (i *indexFile) Close() error { return i.file.Close() }
