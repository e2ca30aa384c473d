package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// forged is an archive that no update wrote.
type forged struct {
	entries []Entry
	packs   [][]*tar.Header
	limit   int64
}

// file returns the header of a file, whose content are zeros.
func file(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
}

// restore restores the archive into a folder.
func (f forged) restore(t *testing.T, dir string) (Totals, error) {
	t.Helper()
	temp := t.TempDir()
	defer func() {
		left, err := os.ReadDir(temp)
		require.NoError(t, err)
		for _, file := range left {
			require.Equal(t, "index", file.Name(), "left in the folder for temporary files")
		}
	}()
	index, err := os.Create(filepath.Join(temp, "index"))
	require.NoError(t, err)
	writer, err := newIndexWriter(index)
	require.NoError(t, err)
	for _, entry := range f.entries {
		require.NoError(t, writer.Write(entry))
	}
	require.NoError(t, writer.Close())
	require.NoError(t, index.Close())
	var sources []Source
	for _, headers := range f.packs {
		sources = append(sources, func(context.Context) (io.ReadCloser, error) { return pipe(headers), nil })
	}
	totals, _, err := Restore(context.Background(), dir, index.Name(), temp, sources, f.limit)
	return totals, err
}

// pipe returns a pack with the headers. It is written while it is read.
func pipe(headers []*tar.Header) io.ReadCloser {
	reader, writer := io.Pipe()
	go func() {
		compressed, err := newEncoder(writer)
		if err != nil {
			_ = writer.CloseWithError(err)
			return
		}
		archived := tar.NewWriter(compressed)
		for _, header := range headers {
			header.Format = tar.FormatPAX
			if err = archived.WriteHeader(header); err != nil {
				break
			}
			if _, err = io.CopyN(archived, zeros{}, header.Size); err != nil {
				break
			}
		}
		if err == nil {
			_, _ = archived.Close(), compressed.Close()
		}
		_ = writer.CloseWithError(err)
	}()
	return reader
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAHostileArchiveIsAnErrorAndWritesNothingOutside(t *testing.T) {
	outside := t.TempDir()
	device := &tar.Header{Typeflag: tar.TypeBlock, Name: "disk", Devmajor: 8, Mode: 0o666}
	link := func(to string) *tar.Header { return &tar.Header{Typeflag: tar.TypeLink, Name: "b", Linkname: to} }
	xattr := func(name string) *tar.Header {
		header := file("a", 0)
		header.PAXRecords = map[string]string{keyXattr + name: "x"}
		return header
	}
	sparse := func(size, content string) *tar.Header {
		header := file("a", 4)
		header.PAXRecords = map[string]string{keySize: size, keyContent: content}
		return header
	}
	deep := strings.TrimSuffix(strings.Repeat("d/", maxDepth+1), "/")
	for _, c := range []struct {
		name    string
		archive forged
		says    string
	}{
		{"a path that leads out", forged{entries: []Entry{{Path: "../a"}}, packs: [][]*tar.Header{{file("../a", 0)}}}, "not a path below"},
		{"an absolute path", forged{entries: []Entry{{Path: "/a"}}, packs: [][]*tar.Header{{file("/a", 0)}}}, "not a path below"},
		{"a symbolic link that leads out, and a file behind it", forged{
			entries: []Entry{{Path: "way"}, {Path: "way/file"}},
			packs:   [][]*tar.Header{{{Typeflag: tar.TypeSymlink, Name: "way", Linkname: outside}, file("way/file", 0)}},
		}, `restore "way/file"`},
		{"the same in two packs", forged{
			entries: []Entry{{Path: "way"}, {Path: "way/file", Pack: 1}},
			packs:   [][]*tar.Header{{{Typeflag: tar.TypeSymlink, Name: "way", Linkname: outside}}, {file("way/file", 0)}},
		}, `restore "way`},
		{"a hard link to a file outside", forged{entries: []Entry{{Path: "b"}}, packs: [][]*tar.Header{{link("../../../../etc/passwd")}}}, "is not in the folder"},
		{"a hard link to an absolute path", forged{entries: []Entry{{Path: "b"}}, packs: [][]*tar.Header{{link("/etc/passwd")}}}, "is not in the folder"},
		{"a hard link to a path that is nested too deep", forged{entries: []Entry{{Path: "b"}}, packs: [][]*tar.Header{{link(deep)}}}, "its other name: its folders are nested more than"},
		{"a hard link to a file in folders that do not exist", forged{entries: []Entry{{Path: "b"}}, packs: [][]*tar.Header{{link("no/such/file")}}}, "no such file"},
		{"a hard link through a symbolic link", forged{
			entries: []Entry{{Path: "a"}, {Path: "b"}},
			packs:   [][]*tar.Header{{{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc"}, link("a/passwd")}},
		}, `restore "b"`},
		{"a hard link to a file that is not in the index", forged{entries: []Entry{{Path: "b"}}, packs: [][]*tar.Header{{file("a", 0), link("a")}}}, `restore "b"`},
		{"a device node", forged{entries: []Entry{{Path: "disk"}}, packs: [][]*tar.Header{{device}}}, "unknown type"},
		{"a pipe", forged{entries: []Entry{{Path: "p"}}, packs: [][]*tar.Header{{{Typeflag: tar.TypeFifo, Name: "p"}}}}, "unknown type"},
		{"an attribute of overlayfs", forged{entries: []Entry{{Path: "a"}}, packs: [][]*tar.Header{{xattr("trusted.overlay.redirect")}}}, "trusted.overlay.redirect is not one"},
		{"an attribute of the machine's security", forged{entries: []Entry{{Path: "a"}}, packs: [][]*tar.Header{{xattr("security.ima")}}}, "security.ima is not one"},
		{"an entry of a pack that is not there", forged{entries: []Entry{{Path: "a"}, {Path: "b", Pack: 1}}, packs: [][]*tar.Header{{file("a", 0)}}}, `no pack has "b"`},
		{"entries without any pack", forged{entries: []Entry{{Path: "a"}}}, `no pack has "a"`},
		{"an entry that its pack lacks", forged{entries: []Entry{{Path: "a"}, {Path: "b"}}, packs: [][]*tar.Header{{file("a", 0)}}}, `it lacks "b"`},
		{"a file that is larger than its entry", forged{entries: []Entry{{Path: "a", Bytes: 1}}, packs: [][]*tar.Header{{file("a", 2)}}}, "its size is not that of the index"},
		{"one path twice", forged{entries: []Entry{{Path: "a"}, {Path: "a"}}, packs: [][]*tar.Header{{file("a", 0), file("a", 0)}}}, "out of order"},
		{"a file where a folder is", forged{
			entries: []Entry{{Path: "a", Pack: 0}, {Path: "a/b", Pack: 1}}, packs: [][]*tar.Header{{file("a", 0)}, {file("a/b", 0)}},
		}, "restore"},
		{"folders that are nested too deep", forged{entries: []Entry{{Path: deep}}, packs: [][]*tar.Header{{file(deep, 0)}}}, "nested more than"},
		{"a sparse file with a negative place", forged{entries: []Entry{{Path: "a", Bytes: 4}}, packs: [][]*tar.Header{{sparse("9", "-4:4")}}}, "damaged"},
		{"a sparse file with content behind its end", forged{entries: []Entry{{Path: "a", Bytes: 4}}, packs: [][]*tar.Header{{sparse("2", "0:4")}}}, "behind its end"},
		{"a sparse file without a size", forged{entries: []Entry{{Path: "a", Bytes: 4}}, packs: [][]*tar.Header{{sparse("many", "0:4")}}}, "damaged"},
		{"a file that is larger than the limit", forged{
			entries: []Entry{{Path: "a", Bytes: 1 << 40}}, packs: [][]*tar.Header{{file("a", 1<<40)}}, limit: 1 << 20,
		}, "larger than the limit of 1MiB"},
		{"files that are together larger than the limit", forged{
			entries: []Entry{{Path: "a", Bytes: 600 << 10}, {Path: "b", Bytes: 600 << 10, Pack: 1}},
			packs:   [][]*tar.Header{{file("a", 600<<10)}, {file("b", 600<<10)}}, limit: 1 << 20,
		}, "larger than the limit of 1MiB"},
		{"an endless file that is not in the index", forged{
			entries: []Entry{{Path: "b"}}, packs: [][]*tar.Header{{file("a", 1<<40), file("b", 0)}}, limit: 1 << 20,
		}, "larger than the limit of 1MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := c.archive.restore(t, dir)
			require.ErrorContains(t, err, c.says)
			names, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Empty(t, names)
			var used int64
			require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
				require.Zero(t, info.Mode()&(os.ModeDevice|os.ModeNamedPipe), path)
				used += info.Size()
				return err
			}))
			require.Less(t, used, int64(2<<20), "bytes that were written")
		})
	}
}

func TestFoldersThatNoIndexNamesCountAsWell(t *testing.T) {
	dir := t.TempDir()
	var created atomic.Int64
	created.Store(maxEntries - 5)
	writing, err := openTree(dir, &created)
	require.NoError(t, err)
	defer writing.close()
	_, _, err = writing.enterNew("a/b/c/file")
	require.NoError(t, err)
	_, _, err = writing.enterNew("a/b/c/other")
	require.NoError(t, err, "its folders are there")
	_, _, err = writing.enterNew("a/b/c/third")
	require.ErrorIs(t, err, errTooMany)
	_, err = writing.enter("a/d")
	require.ErrorIs(t, err, errTooMany)
}

func TestFindingAFileCreatesNoFolder(t *testing.T) {
	dir := t.TempDir()
	reading, err := openTree(dir, nil)
	require.NoError(t, err)
	defer reading.close()
	_, _, err = reading.enterParent("a/file")
	require.ErrorIs(t, err, unix.ENOENT)
	require.NoDirExists(t, filepath.Join(dir, "a"))
}

func TestAnIndexWithTooManyEntriesIsAnError(t *testing.T) {
	reader, writer := io.Pipe()
	go func() {
		index, err := newIndexWriter(writer)
		for i := 0; err == nil; i++ { // It has no end.
			err = index.Write(Entry{Path: "f" + strconv.Itoa(1_000_000_000+i)})
		}
	}()
	defer reader.Close()
	index, err := NewIndexReader(reader)
	require.NoError(t, err)
	defer index.Close()
	for err == nil {
		_, err = index.Next()
	}
	require.ErrorIs(t, err, errTooMany)
}

// TestNoLinkLeadsAnUpdateOutOfTheMount replaces the folder of a mount, as a step can that has the folder above it.
func TestNoLinkLeadsAnUpdateOutOfTheMount(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("canary"), 0o600))
	for _, c := range []struct {
		name, below string
		prepare     func(t *testing.T, dir string)
		says        string
	}{
		{"the folder itself is a link", "cache", func(t *testing.T, dir string) {
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, "cache")))
		}, "not a directory"},
		{"a folder above it is a link", "above/cache", func(t *testing.T, dir string) {
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, "above")))
			require.NoError(t, os.Mkdir(filepath.Join(outside, "cache"), 0o755))
		}, "not a directory"},
		{"the path leads out", "../" + filepath.Base(outside), func(*testing.T, string) {}, "is not a path below"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, temp := t.TempDir(), t.TempDir()
			c.prepare(t, dir)
			_, err := Update{Dir: dir, Below: c.below, Temp: temp}.Run(context.Background())
			require.ErrorContains(t, err, c.says)
			left, err := os.ReadDir(temp)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// TestWhatIsSwappedWhileItIsPackedIsAnError replaces a file or folder after the walk has found it.
func TestWhatIsSwappedWhileItIsPackedIsAnError(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte("canary"), 0o600))
	for _, c := range []struct {
		name, path string
		swap       func(path string) error
		says       string
	}{
		{"a folder for a link to a folder outside", "d", func(path string) error { return os.Symlink(outside, path) }, "not a directory"},
		{"a file for a link to a file outside", "d/file", func(path string) error { return os.Symlink(filepath.Join(outside, "file"), path) }, "too many levels of symbolic links"},
		{"a file for another file", "d/file", func(path string) error { return os.Link(filepath.Join(outside, "file"), path) }, "it was replaced while it was read"},
		{"a file for a folder", "d/file", func(path string) error { return os.Mkdir(path, 0o755) }, "it was replaced while it was read"},
		{"a file for a pipe", "d/file", func(path string) error { return unix.Mkfifo(path, 0o644) }, "it was replaced while it was read"},
		{"a file for a device", "d/file", func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))) }, "it was replaced while it was read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, temp := newWorld(t), t.TempDir()
			w.write("d/file", "inside")
			packed := newPackWriter(temp, 0)
			err := walk(t.Context(), w.dir, "", nil, func(f found) error {
				if f.path == c.path {
					require.NoError(t, os.Rename(w.path(f.path), w.path("away")))
					require.NoError(t, c.swap(w.path(f.path)))
				}
				if f.path == "d" { // Its header was written before.
					return nil
				}
				_, err := packed.add(f, &name{})
				return err
			})
			require.ErrorContains(t, err, c.says)
			packs, err := packed.finish()
			require.NoError(t, err)
			for _, pack := range packs {
				content, err := os.ReadFile(pack.File)
				require.NoError(t, err)
				decompressed, err := newDecoder(bytes.NewReader(content))
				require.NoError(t, err)
				plain, err := io.ReadAll(decompressed)
				require.NoError(t, err)
				require.NotContains(t, string(plain), "canary")
			}
		})
	}
}

func TestAFolderThatCannotBeKept(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(w *world)
		change  func(*Update)
		says    string
	}{
		{"folders that are nested too deep", func(w *world) {
			current, err := unix.Open(w.dir, unix.O_DIRECTORY|unix.O_PATH, 0)
			require.NoError(w.t, err)
			for range maxDepth + 1 {
				require.NoError(w.t, unix.Mkdirat(current, "d", 0o755))
				next, err := unix.Openat(current, "d", unix.O_DIRECTORY|unix.O_PATH, 0)
				require.NoError(w.t, err)
				require.NoError(w.t, unix.Close(current))
				current = next
			}
			require.NoError(w.t, unix.Close(current))
		}, func(*Update) {}, "nested more than"},
		{"less space than the files need", func(w *world) { w.write("a", strings.Repeat("x", 2000)) }, func(u *Update) { u.Space = 1000 },
			"not enough disk space to pack 1.953KiB"},
		{"more than the limit after a step that failed", func(w *world) { w.write("a", strings.Repeat("x", 2000)) },
			func(u *Update) { u.Limit, u.Until = 1000, 1<<62 }, "larger than the limit of 1000B"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.prepare(w)
			u := Update{Dir: w.dir, Temp: t.TempDir()}
			c.change(&u)
			_, err := u.Run(context.Background())
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestAttributesOfTheMachineAreNotPacked(t *testing.T) {
	w := newWorld(t)
	w.write("a", "x")
	require.NoError(t, unix.Setxattr(w.path("a"), "user.kept", []byte("1"), 0))
	require.NoError(t, unix.Setxattr(w.path("a"), "trusted.machine", []byte("1"), 0))
	w.save()
	w.restore()
	value := make([]byte, 10)
	_, err := unix.Getxattr(w.path("a"), "user.kept", value)
	require.NoError(t, err)
	_, err = unix.Getxattr(w.path("a"), "trusted.machine", value)
	require.ErrorIs(t, err, unix.ENODATA)
}
