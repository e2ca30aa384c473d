package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// world is an archive and the folder that is made from it.
type world struct {
	t          *testing.T
	dir, store string
	index      string
	packs      []Pack
	restored   Time
	limit      int64
}

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: t.TempDir(), store: t.TempDir()}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, content string) {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	require.NoError(w.t, os.WriteFile(w.path(name), []byte(content), 0o644))
}

func (w *world) contents() (contents []Content) {
	for _, pack := range w.packs {
		contents = append(contents, Content(pack.Content))
	}
	return contents
}

// save updates the archive from the folder.
func (w *world) save(change ...func(*Update)) Updated {
	w.t.Helper()
	u := Update{Dir: w.dir, Index: w.index, Packs: w.contents(), Restored: w.restored, Temp: w.t.TempDir()}
	for _, c := range change {
		c(&u)
	}
	updated, err := u.Run(context.Background())
	require.NoError(w.t, err)
	if updated.Changed {
		var packs []Pack
		for _, number := range updated.Kept {
			packs = append(packs, w.packs[number])
		}
		w.packs = append(packs, updated.New...)
		w.index = updated.Index.File
	}
	return updated
}

// restore restores the archive into a new folder, which becomes the world's folder.
func (w *world) restore() {
	w.t.Helper()
	w.dir = w.t.TempDir()
	require.NoError(w.t, w.tryRestore())
}

func (w *world) tryRestore() (err error) {
	if w.index == "" { // Nothing was saved yet.
		w.restored, err = tick(w.t.TempDir())
		return err
	}
	var sources []Source
	for _, pack := range w.packs {
		sources = append(sources, func(context.Context) (io.ReadCloser, error) { return os.Open(pack.File) })
	}
	_, w.restored, err = Restore(context.Background(), w.dir, w.index, w.t.TempDir(), sources, w.limit)
	return err
}

// describe lists everything of a folder that an archive keeps.
func describe(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	inodes := map[uint64]string{}
	require.NoError(t, walk(context.Background(), dir, "", nil, func(f found) error {
		full := filepath.Join(dir, f.path)
		fmt.Fprintf(&b, "%q %o %d:%d", f.path, f.stat.Mode, f.stat.Uid, f.stat.Gid)
		fmt.Fprintf(&b, " %d", f.stat.Mtim.Nano())
		records := map[string]string{}
		switch {
		case f.isLink():
			target, err := os.Readlink(full)
			require.NoError(t, err)
			fmt.Fprintf(&b, " -> %q", target)
		case f.isFile():
			content, err := os.ReadFile(full)
			require.NoError(t, err)
			fmt.Fprintf(&b, " %d %x", len(content), content[:min(len(content), 64)])
			if first := inodes[f.stat.Ino]; first != "" {
				fmt.Fprintf(&b, " is %q", first)
			}
			inodes[f.stat.Ino] = f.path
			fallthrough
		default:
			file, err := os.Open(full)
			require.NoError(t, err)
			defer file.Close()
			require.NoError(t, readXattrs(int(file.Fd()), records))
			fmt.Fprintf(&b, " %q", records)
		}
		b.WriteByte('\n')
		return nil
	}))
	return b.String()
}

func TestFilesAreRestoredAsTheyWere(t *testing.T) {
	w := newWorld(t)
	w.write("plain.txt", "hello")
	w.write("deep/er/file", "x")
	w.write("sorted/a-b", "1")
	w.write("sorted/a/b", "2")
	w.write("name\xff\n\twith *bytes*", "3")
	w.write(strings.Repeat("long/", 100)+"name", "4")
	w.write(".wh.kept", "5")
	w.write("empty file", "")
	w.write("large", strings.Repeat("0123456789abcdef", 1<<14))
	require.NoError(t, os.Mkdir(w.path("empty folder"), 0o711))
	require.NoError(t, os.Symlink("../outside", w.path("link")))
	require.NoError(t, os.Symlink("plain.txt", w.path("link to file")))
	require.NoError(t, os.Link(w.path("plain.txt"), w.path("deep/er/hard")))
	require.NoError(t, os.Chmod(w.path("plain.txt"), os.ModeSetuid|0o751))
	require.NoError(t, os.Lchown(w.path("link"), 1234, 4321))
	require.NoError(t, os.Chown(w.path("deep/er"), 55, 66))
	require.NoError(t, unix.Setxattr(w.path("large"), "user.note", []byte("a\x00b"), 0))
	require.NoError(t, unix.Setxattr(w.path("deep"), "user.folder", []byte("c"), 0))
	require.NoError(t, unix.Mkfifo(w.path("pipe"), 0o600))
	odd := time.Unix(1_234_567_890, 123_456_789)
	require.NoError(t, os.Chtimes(w.path("plain.txt"), odd, odd))
	require.NoError(t, os.Chtimes(w.path("deep/er"), odd, odd.Add(-time.Hour)))
	sparse, err := os.Create(w.path("sparse"))
	require.NoError(t, err)
	_, err = sparse.WriteAt([]byte("in the middle"), 64<<20)
	require.NoError(t, err)
	require.NoError(t, sparse.Truncate(1<<30))
	require.NoError(t, sparse.Close())

	require.NoError(t, os.Remove(w.path("pipe")))
	before := describe(t, w.dir)
	require.NoError(t, unix.Mkfifo(w.path("pipe"), 0o600))
	updated := w.save()
	require.True(t, updated.Changed)
	w.restore()
	require.Equal(t, before, describe(t, w.dir))
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(w.path("sparse"), &stat))
	require.Less(t, stat.Blocks*512, int64(1<<20), "holes stay holes")
	require.False(t, w.save().Changed, "nothing was changed")
}

func TestAnUpdateHasOnlyWhatIsNew(t *testing.T) {
	w := newWorld(t)
	random := rand.NewChaCha8([32]byte{1})
	for i := range 100 {
		content := make([]byte, 10_000)
		_, _ = random.Read(content)
		w.write(fmt.Sprintf("folder-%d/file-%d", i%10, i), string(content))
	}
	first := w.save()
	w.restore()
	w.write("folder-3/file-3", "changed")
	second := w.save()
	require.Len(t, second.New, 1)
	require.EqualValues(t, len("changed"), second.New[0].Content)
	require.Less(t, second.New[0].Bytes+second.Index.Bytes, first.New[0].Bytes/100)
	before := describe(t, w.dir)
	w.restore()
	require.Equal(t, before, describe(t, w.dir))
	t.Run("a file of which only the time was changed is not packed again", func(t *testing.T) {
		for i := range 100 {
			require.NoError(t, os.Chtimes(w.path(fmt.Sprintf("folder-%d/file-%d", i%10, i)), time.Time{}, time.Unix(1e9, int64(i))))
		}
		before := describe(t, w.dir)
		touched := w.save()
		require.True(t, touched.Changed)
		require.Empty(t, touched.New)
		w.restore()
		require.Equal(t, before, describe(t, w.dir))
		require.False(t, w.save().Changed, "nothing was changed")
		for name, change := range map[string]func(string) error{
			"content":   func(path string) error { return os.WriteFile(path, []byte("other"), 0o644) },
			"mode":      func(path string) error { return os.Chmod(path, 0o600) },
			"owner":     func(path string) error { return os.Chown(path, 1, 2) },
			"attribute": func(path string) error { return unix.Setxattr(path, "user.a", []byte("b"), 0) },
			"name":      func(path string) error { return os.Link(path, path+"-too") },
		} {
			t.Run("but with its "+name+" it is", func(t *testing.T) {
				w.restore()
				path := w.path("folder-5/file-5")
				require.NoError(t, change(path))
				require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(1e9, 5)))
				before := describe(t, w.dir)
				require.NotEmpty(t, w.save().New)
				w.restore()
				require.Equal(t, before, describe(t, w.dir))
			})
		}
	})
	t.Run("a removed file stays removed", func(t *testing.T) {
		require.NoError(t, os.RemoveAll(w.path("folder-4")))
		before := describe(t, w.dir)
		removed := w.save()
		require.True(t, removed.Changed)
		w.restore()
		require.Equal(t, before, describe(t, w.dir))
	})
	t.Run("when most is dead, the rest is written again", func(t *testing.T) {
		for i := range 8 {
			require.NoError(t, os.RemoveAll(w.path(fmt.Sprintf("folder-%d", i))))
		}
		rewritten := w.save()
		require.Empty(t, rewritten.Kept)
		require.EqualValues(t, 200_000, rewritten.New[0].Content)
	})
	t.Run("many small updates make few packs", func(t *testing.T) {
		for i := range 40 {
			w.restore()
			w.write("counter", fmt.Sprint(i))
			w.write(fmt.Sprintf("small-%d", i), "small")
			w.save()
		}
		require.Less(t, len(w.packs), 8)
	})
}

func TestARandomFolderIsTheSameAfterEachUpdate(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t)
			random := rand.New(rand.NewPCG(seed, 1))
			for range 8 {
				for range random.IntN(20) {
					w.change(random)
				}
				before := describe(t, w.dir)
				w.save()
				w.restore()
				require.Equal(t, before, describe(t, w.dir))
			}
		})
	}
}

// change makes one random change in the folder.
func (w *world) change(random *rand.Rand) {
	name := fmt.Sprintf("d%d/e%d/f%d", random.IntN(3), random.IntN(3), random.IntN(6))
	_ = os.MkdirAll(filepath.Dir(w.path(name)), 0o755)
	other := w.path(fmt.Sprintf("d%d/e%d/f%d", random.IntN(3), random.IntN(3), random.IntN(6)))
	switch random.IntN(10) {
	case 0:
		_ = os.RemoveAll(w.path(name))
	case 1:
		_ = os.RemoveAll(filepath.Dir(w.path(name)))
	case 2:
		_ = os.Link(other, w.path(name))
	case 3:
		_ = os.Symlink(other, w.path(name))
	case 4:
		_ = os.Chmod(w.path(name), os.FileMode(random.IntN(0o1000)))
	case 5:
		_ = os.Rename(other, w.path(name))
	case 6:
		_ = os.Mkdir(w.path(name), 0o700)
	case 7:
		_ = os.Chtimes(w.path(name), time.Time{}, time.Unix(0, 1+random.Int64N(1e18)))
	default:
		_ = os.WriteFile(w.path(name), bytes.Repeat([]byte{byte(random.IntN(256))}, random.IntN(100_000)), 0o644)
	}
}

func TestTheFilesThatWereNotReadForLongestAreLeftOut(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.write(fmt.Sprintf("file-%d", i), strings.Repeat("x", 1000))
		long := time.Now().Add(-time.Duration(i+1) * time.Hour)
		require.NoError(t, os.Chtimes(w.path(fmt.Sprintf("file-%d", i)), long, long))
	}
	w.save()
	w.restore()
	_, err := os.ReadFile(w.path("file-9"))
	require.NoError(t, err)
	updated := w.save(func(u *Update) { u.Limit = 3000 })
	require.Equal(t, Totals{Files: 1, Bytes: 1000}, updated.Read)
	require.Equal(t, Totals{Files: 7, Bytes: 7000}, updated.Evicted)
	w.restore()
	names, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	var left []string
	for _, name := range names {
		left = append(left, name.Name())
	}
	require.Equal(t, []string{"file-0", "file-1", "file-9"}, left)
}

func TestWhatAFailedStepDidIsNotKept(t *testing.T) {
	w := newWorld(t)
	w.write("old", "1")
	w.write("kept", "1")
	w.write("removed", "1")
	w.save()
	w.restore()
	w.write("of a good step", "2")
	w.write("kept", "2")
	until, err := tick(t.TempDir())
	require.NoError(t, err)
	good := describe(t, w.dir)
	w.write("of the failed step", "3")
	w.write("old", "3")
	require.NoError(t, os.Remove(w.path("removed")))
	w.save(func(u *Update) { u.Until = until + 1 })
	w.restore()
	require.Equal(t, good, describe(t, w.dir))
}

func TestADamagedArchiveIsAnError(t *testing.T) {
	for name, damage := range map[string]func(*world){
		"a pack is missing":  func(w *world) { require.NoError(w.t, os.Remove(w.packs[0].File)) },
		"a pack is cut off":  func(w *world) { require.NoError(w.t, os.Truncate(w.packs[0].File, w.packs[0].Bytes/2)) },
		"the index is empty": func(w *world) { require.NoError(w.t, os.Truncate(w.index, 3)) },
		"a pack is of another archive": func(w *world) {
			other := newWorld(w.t)
			other.write("other", "x")
			other.save()
			w.packs = other.packs
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a/file", strings.Repeat("content", 10_000))
			w.write("b/file", "content")
			w.save()
			damage(w)
			w.dir = t.TempDir()
			require.Error(t, w.tryRestore())
		})
	}
}

func TestAnArchiveCannotWriteOutsideOfItsFolder(t *testing.T) {
	outside := t.TempDir()
	w := newWorld(t)
	w.write("way/file", "x")
	w.save()
	w.dir = t.TempDir()
	require.NoError(t, os.Symlink(outside, w.path("way")))
	require.ErrorIs(t, w.tryRestore(), unix.ENOTDIR)
	names, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, names)

	for _, path := range []string{"../x", "/x", "a/../../x", "", "a//b", "."} {
		var b bytes.Buffer
		index, err := newIndexWriter(&b)
		require.NoError(t, err)
		require.NoError(t, index.Write(Entry{Path: path}))
		require.NoError(t, index.Close())
		reader, err := NewIndexReader(&b)
		require.NoError(t, err)
		_, err = reader.Next()
		require.Error(t, err, path)
	}
}

func TestExcludedPathsAreLeftOut(t *testing.T) {
	w := newWorld(t)
	w.write("cache/secret/key", "x")
	w.write("cache/file", "x")
	w.save(func(u *Update) { u.Exclude = []string{"cache/secret"} })
	w.restore()
	require.NoDirExists(t, w.path("cache/secret"))
	require.FileExists(t, w.path("cache/file"))
}
