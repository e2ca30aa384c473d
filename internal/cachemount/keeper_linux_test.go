package cachemount

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/filelock"
)

// builds runs builds that use one mount. Each has a new, empty folder for it.
type builds struct {
	t      *testing.T
	read   []Store
	target Store
	limit  int64
	mount  Mount
	// leave is true if the mount is left empty because it does not pay.
	leave bool
	// drop is true if it is not stored any more either.
	drop bool
	// open is called instead of Open of a store that is read.
	open func(Store, Blob) (io.ReadCloser, error)
	// silence is how long a store may be silent; 0 means longer than any test takes.
	silence time.Duration
}

// impatient is less than the silence of a silent store in these tests. A busy machine may be silent for as long, so
// only builds that must notice a silent store have it.
const impatient = 300 * time.Millisecond

// faulty is a store whose blobs are opened by a function.
type faulty struct {
	Store
	open func(Store, Blob) (io.ReadCloser, error)
}

func (f faulty) Open(_ context.Context, _ string, blob Blob) (io.ReadCloser, error) {
	return f.open(f.Store, blob)
}

// run runs a build with one step, and returns what it found in the mount and the result.
func (b *builds) run(step func(dir string) (succeeded bool)) (found []string, result Result) {
	b.t.Helper()
	dir := b.t.TempDir()
	read := b.read
	if b.open != nil {
		read = nil
		for _, store := range b.read {
			read = append(read, faulty{store, b.open})
		}
	}
	session := NewSession(Options{
		Stores: func() ([]Store, Store) { return read, b.target },
		Decide: func(string, string) payoff.Decision { return payoff.Decision{Use: !b.leave, Drop: b.drop} },
		Limit:  b.limit, Silence: cmp.Or(b.silence, time.Hour), Temp: b.t.TempDir(),
	})
	mount := b.mount
	mount.ID, mount.Copy, mount.Dir, mount.Kept = "id", "1", dir, dir
	begin := time.Now()
	session.BeforeStep(context.Background(), []Mount{mount})
	require.NoError(b.t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if !entry.IsDir() {
			found = append(found, entry.Name())
		}
		return err
	}))
	time.Sleep(10 * time.Millisecond) // as runc takes
	session.AfterStep([]Mount{mount}, begin, time.Second, step(dir))
	session.Save(context.Background())
	results := session.Results()
	require.Len(b.t, results, 1)
	return found, results[0]
}

// writes returns a step that writes files.
func writes(names ...string) func(string) bool {
	return func(dir string) bool {
		for _, name := range names {
			if os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(name, 100)), 0o644) != nil {
				return false
			}
		}
		return true
	}
}

func fails(step func(string) bool) func(string) bool {
	return func(dir string) bool { step(dir); return false }
}

func newBuilds(t *testing.T, store Store) *builds {
	return &builds{t: t, read: []Store{store}, target: store}
}

func TestAMountIsRestoredInTheNextBuild(t *testing.T) {
	server := httptest.NewServer(registry.New())
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for name, store := range map[string]Store{
		"from a registry": InRegistry(host+"/cache:app--linux-amd64--main", authn.DefaultKeychain),
		"from a folder":   InFolder(t.TempDir()),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilds(t, store)
			found, result := b.run(writes("a"))
			require.Empty(t, found)
			require.True(t, result.Saved)
			found, result = b.run(writes("b"))
			require.Equal(t, []string{"a"}, found)
			require.True(t, result.Restored)
			require.True(t, result.Saved)
			found, result = b.run(writes())
			require.Equal(t, []string{"a", "b"}, found)
			require.False(t, result.Saved, "nothing is new")
			require.Empty(t, result.Problem)
		})
	}
}

func TestTheFirstStoreThatHasAMountIsRead(t *testing.T) {
	branch, main, other := InFolder(t.TempDir()), InFolder(t.TempDir()), InFolder(t.TempDir())
	_, _ = (&builds{t: t, target: main}).run(writes("main"))
	_, _ = (&builds{t: t, target: other}).run(writes("other"))
	b := &builds{t: t, read: []Store{branch, main, other}, target: branch}
	found, result := b.run(writes())
	require.Equal(t, []string{"main"}, found)
	require.Equal(t, 1, result.From)
	require.False(t, result.Saved, "a branch saves nothing while it has nothing new")
	_, result = b.run(writes("branch"))
	require.True(t, result.Saved)
	found, _ = b.run(writes())
	require.Equal(t, []string{"branch", "main"}, found, "the branch's archive is complete in its own store")
}

func TestTroubleLeavesAnEmptyMount(t *testing.T) {
	for _, c := range []struct {
		name string
		open func(Store, Blob) (io.ReadCloser, error)
		says string
		// replaced is true if the archive can never be read again.
		replaced bool
	}{
		{"a blob is missing", func(Store, Blob) (io.ReadCloser, error) { return nil, os.ErrNotExist }, "not exist", true},
		{"a pack is damaged", damaged(func(content []byte) []byte { content[len(content)/2] ^= 0xff; return content }), "pack 1", true},
		{"a pack is of another archive", damaged(func([]byte) []byte { return []byte("other") }), "pack 1", true},
		{"the connection breaks off", broken(io.ErrUnexpectedEOF), "unexpected EOF", false},
		{"the disk is full", broken(unix.ENOSPC), "no space left", false},
		{"the store stops responding", silent, "stopped responding for 300ms (LAYERCACHE_CACHE_TIMEOUT)", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBuilds(t, InFolder(t.TempDir()))
			_, _ = b.run(writes("a", "b", "c"))
			b.open = c.open
			if strings.Contains(c.says, impatient.String()) {
				b.silence = impatient
			}
			found, result := b.run(writes("new"))
			require.Empty(t, found)
			require.False(t, result.Restored)
			require.Contains(t, result.Problem, c.says)
			require.True(t, result.RestoreFailed)
			require.Equal(t, c.replaced, result.Saved)
			require.Equal(t, map[bool]NotSaved{true: "", false: StoredIsKept}[c.replaced], result.NotSaved)
			b.open, b.silence = nil, 0
			found, _ = b.run(writes())
			if c.replaced {
				require.Equal(t, []string{"new"}, found)
			} else {
				require.Equal(t, []string{"a", "b", "c"}, found, "an archive that may be readable later is not replaced")
			}
		})
	}
}

func TestTheNextStoreIsReadIfOneFails(t *testing.T) {
	const both = "restored from the next cache that has it, because this failed: "
	works := func(store Store, blob Blob) (io.ReadCloser, error) {
		return store.Open(context.Background(), "id", blob)
	}
	missing := func(Store, Blob) (io.ReadCloser, error) { return nil, os.ErrNotExist }
	for _, c := range []struct {
		name string
		// branch and main open blobs; nil means that the store has no archive.
		branch, main func(Store, Blob) (io.ReadCloser, error)
		found        []string
		problem      string
		// saved is true if the branch's archive may be replaced.
		saved bool
	}{
		{"the branch's is damaged", damaged(func(content []byte) []byte { return content[:len(content)/2] }), works, []string{"main"}, both + "pack 1: ", true},
		{"the branch's breaks off, and may be readable later", broken(io.ErrUnexpectedEOF), works, []string{"main"}, both + "the connection was interrupted", false},
		{"both fail in the same way, which is said once", missing, missing, nil, "^not restored: file does not exist$", true},
		{"both fail in different ways", missing, broken(io.ErrUnexpectedEOF), nil, "^not restored: file does not exist; the connection was interrupted: unexpected EOF$", false},
		{"the branch's cannot be read, and nobody else has it", missing, nil, nil, "^not restored: file does not exist$", true},
		{"the store is silent: no time is left for the next", silent, works, nil, "^not restored: the store stopped responding for 300ms", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			branch, main, last := InFolder(t.TempDir()), InFolder(t.TempDir()), InFolder(t.TempDir())
			_, _ = newBuilds(t, branch).run(writes("a", "branch"))
			_, _ = newBuilds(t, main).run(writes("main"))
			stores := []Store{faulty{branch, c.branch}}
			if c.main != nil {
				stores = append(stores, faulty{main, c.main})
			}
			b := &builds{t: t, read: append(stores, last), target: branch}
			if strings.Contains(c.problem, impatient.String()) {
				b.silence = impatient
			}

			found, result := b.run(writes("new"))

			require.Equal(t, c.found, found)
			require.Regexp(t, c.problem, result.Problem)
			require.Equal(t, len(c.found) > 0, result.Restored)
			require.Equal(t, len(c.found) == 0, result.RestoreFailed)
			require.Equal(t, c.saved, result.Saved)
			if result.Restored {
				require.Equal(t, 1, result.From)
			}
			again, _ := newBuilds(t, branch).run(writes())
			if c.saved {
				require.Equal(t, append(c.found, "new"), again)
			} else {
				require.Equal(t, []string{"a", "branch"}, again, "an archive that may be readable later is not replaced")
			}
		})
	}
}

// A registry redirects to signed URLs of its storage, and the storage's errors may quote what was signed.
func TestNoSignatureIsInAProblem(t *testing.T) {
	const canary, token = "0123456789abcdefcanary", "IQoJb3JpZ2lucanary"
	const query = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAcanary%2F2026&X-Amz-Security-Token=" + token + "&X-Amz-Signature=" + canary
	for _, c := range []struct {
		name, says string
		storage    http.HandlerFunc
	}{
		{"the storage cannot be reached", "not restored: ", nil},
		{"the storage refuses the URL", "403", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "<Error><Code>SignatureDoesNotMatch</Code><SignatureProvided>%s</SignatureProvided><CanonicalRequest>GET\n/x\n%s</CanonicalRequest></Error>", canary, query[1:])
		}},
		{"the storage breaks off", "not restored: ", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			storage := httptest.NewServer(c.storage)
			defer storage.Close()
			if c.storage == nil {
				storage.Close()
			}
			inner, redirects := registry.New(), false
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if redirects && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
					http.Redirect(w, r, storage.URL+"/layer"+query, http.StatusTemporaryRedirect)
					return
				}
				inner.ServeHTTP(w, r)
			}))
			defer server.Close()
			b := newBuilds(t, InRegistry(strings.TrimPrefix(server.URL, "http://")+"/cache:main", authn.DefaultKeychain))
			_, _ = b.run(writes("a"))
			redirects = true

			_, result := b.run(writes())

			require.Contains(t, result.Problem, c.says)
			require.True(t, result.RestoreFailed)
			require.NotContains(t, result.Problem, "canary")
		})
	}
}

// damaged changes the content of packs.
func damaged(change func([]byte) []byte) func(Store, Blob) (io.ReadCloser, error) {
	return func(store Store, blob Blob) (io.ReadCloser, error) {
		content, err := read(store, blob)
		if blob.Content > 0 {
			content = change(content)
		}
		return io.NopCloser(bytes.NewReader(content)), err
	}
}

// broken ends packs with an error in their middle.
func broken(problem error) func(Store, Blob) (io.ReadCloser, error) {
	return func(store Store, blob Blob) (io.ReadCloser, error) {
		content, err := read(store, blob)
		if blob.Content == 0 {
			return io.NopCloser(bytes.NewReader(content)), err
		}
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[:len(content)/2]), failing{problem})), err
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func silent(store Store, blob Blob) (io.ReadCloser, error) {
	if blob.Content == 0 {
		return store.Open(context.Background(), "id", blob)
	}
	time.Sleep(time.Second)
	return nil, errors.New("too late")
}

func read(store Store, blob Blob) ([]byte, error) {
	content, err := store.Open(context.Background(), "id", blob)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

func TestAFailedBuildKeepsWhatSucceededStepsDid(t *testing.T) {
	store := InFolder(t.TempDir())
	session := NewSession(Options{Stores: func() ([]Store, Store) { return []Store{store}, store }, Silence: time.Hour, Temp: t.TempDir()})
	dir := t.TempDir()
	mounts := []Mount{{ID: "id", Copy: "1", Dir: dir, Kept: dir}}
	step := func(run func(string) bool) {
		begin := time.Now()
		session.BeforeStep(context.Background(), mounts)
		time.Sleep(10 * time.Millisecond)
		session.AfterStep(mounts, begin, time.Second, run(dir))
	}
	step(writes("downloaded"))
	step(fails(writes("half")))
	session.Save(context.Background())
	found, _ := newBuilds(t, store).run(writes())
	require.Equal(t, []string{"downloaded"}, found)
}

// What a failed step did to the files of a good one cannot be told from what the good one did.
func TestNoFileOfAFailedStepIsSaved(t *testing.T) {
	const bad = "of the failed step"
	for _, c := range []struct {
		name string
		run  func(dir string) error
		want map[string]string
	}{
		{"a new file that it writes to in place", func(dir string) error {
			file, err := os.OpenFile(filepath.Join(dir, "new"), os.O_WRONLY, 0)
			return errors.Join(err, writeAndClose(file, bad))
		}, map[string]string{"old": "old", "other": "other"}},
		{"a restored file that it writes to in place", func(dir string) error {
			file, err := os.OpenFile(filepath.Join(dir, "old"), os.O_WRONLY, 0)
			return errors.Join(err, writeAndClose(file, bad))
		}, map[string]string{"old": "old", "new": "new", "other": "other"}},
		{"a file that it writes to in memory", func(dir string) error {
			file, err := os.OpenFile(filepath.Join(dir, "new"), os.O_RDWR, 0)
			if err != nil {
				return err
			}
			content, err := unix.Mmap(int(file.Fd()), 0, 3, unix.PROT_WRITE, unix.MAP_SHARED)
			copy(content, bad)
			return errors.Join(err, unix.Munmap(content), file.Close())
		}, map[string]string{"old": "old", "other": "other"}},
		{"a file that it changes and dates back", func(dir string) error {
			path := filepath.Join(dir, "new")
			return errors.Join(os.WriteFile(path, []byte(bad), 0o644), os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
		}, map[string]string{"old": "old", "other": "other"}},
		{"a file that it puts in the place of another", func(dir string) error {
			return os.Rename(filepath.Join(dir, "other"), filepath.Join(dir, "new"))
		}, map[string]string{"old": "old"}},
		{"a file that it removes", func(dir string) error { return os.Remove(filepath.Join(dir, "old")) },
			map[string]string{"old": "old", "new": "new", "other": "other"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := InFolder(t.TempDir())
			write := func(names ...string) func(string) error {
				return func(dir string) (err error) {
					for _, name := range names {
						err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
					}
					return err
				}
			}
			_, _ = newBuilds(t, store).run(func(dir string) bool { return write("old")(dir) == nil })
			session := NewSession(Options{Stores: func() ([]Store, Store) { return []Store{store}, store }, Silence: time.Hour, Temp: t.TempDir()})
			dir := t.TempDir()
			mounts := []Mount{{ID: "id", Copy: "1", Dir: dir, Kept: dir}}
			step := func(run func(string) error, succeeded bool) {
				begin := time.Now()
				session.BeforeStep(context.Background(), mounts)
				time.Sleep(10 * time.Millisecond)
				require.NoError(t, run(dir))
				session.AfterStep(mounts, begin, time.Second, succeeded)
			}
			step(write("new", "other"), true)
			step(c.run, false)
			session.Save(context.Background())

			found := map[string]string{}
			_, result := newBuilds(t, store).run(func(dir string) bool {
				for _, name := range []string{"old", "new", "other"} {
					if content, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
						found[name] = string(content)
					}
				}
				return true
			})
			require.Empty(t, result.Problem)
			require.Equal(t, c.want, found)
		})
	}
}

func writeAndClose(file *os.File, content string) error {
	_, err := file.WriteString(content)
	return errors.Join(err, file.Close())
}

func TestWhatIsNotSaved(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*builds)
		step   func(string) bool
		why    NotSaved
	}{
		{"a build that writes no cache", func(b *builds) { b.target = nil }, writes("a"), WritesNoCache},
		{"a mount of a step that failed", func(*builds) {}, fails(writes("a")), NoStepChanged},
		{"a mount that the step could only read", func(b *builds) { b.mount.ReadOnly = true }, writes("a"), NoStepChanged},
		{"files at other mounts of the step", func(b *builds) { b.mount.Exclude = []string{"secret"} }, writes("secret"), NothingNew},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBuilds(t, InFolder(t.TempDir()))
			c.change(b)
			_, result := b.run(c.step)
			require.False(t, result.Saved)
			require.Equal(t, c.why, result.NotSaved)
			require.False(t, result.RestoreFailed)
			found, _ := b.run(writes())
			require.Empty(t, found)
		})
	}
}

func TestAMountThatIsLeftEmptyKeepsItsArchive(t *testing.T) {
	b := newBuilds(t, InFolder(t.TempDir()))
	_, _ = b.run(writes("a"))
	b.leave = true
	opened := false
	b.open = func(Store, Blob) (io.ReadCloser, error) { opened = true; return nil, os.ErrNotExist }
	found, result := b.run(writes("b"))
	require.Empty(t, found)
	require.False(t, opened, "nothing is downloaded")
	require.False(t, result.Saved)
	require.Empty(t, result.Problem)
	b.leave, b.open = false, nil
	found, _ = b.run(writes())
	require.Equal(t, []string{"a"}, found)
}

func TestAMountThatNobodyReadsIsNoLongerStored(t *testing.T) {
	b := newBuilds(t, InFolder(t.TempDir()))
	_, saved := b.run(writes("a", "b"))
	b.leave, b.drop = true, true
	_, result := b.run(writes("c"))
	require.True(t, result.Dropped)
	require.Empty(t, result.Problem)
	require.Less(t, result.StoredBytes, saved.StoredBytes)
	_, result = b.run(writes("c"))
	require.False(t, result.Dropped, "once is enough")
	b.leave, b.drop = false, false
	found, result := b.run(writes("d"))
	require.Empty(t, found)
	require.False(t, result.Restored, "nothing was restored, so the next build tries what this one saved")
	require.True(t, result.Saved)
	found, _ = b.run(writes())
	require.Equal(t, []string{"d"}, found)

	b.leave, b.drop, b.target = true, true, nil
	_, result = b.run(writes())
	require.False(t, result.Dropped, "a build that writes no cache")
}

func TestAMountThatAnotherStepUsesStaysStored(t *testing.T) {
	store := InFolder(t.TempDir())
	_, _ = newBuilds(t, store).run(writes("a"))
	session := NewSession(Options{
		Stores: func() ([]Store, Store) { return []Store{store}, store },
		Decide: func(_, command string) payoff.Decision {
			return payoff.Decision{Use: command == "new", Drop: command == "old"}
		},
		Silence: time.Hour, Temp: t.TempDir(),
	})
	begin := time.Now()
	for _, command := range []string{"old", "new"} {
		dir := t.TempDir()
		mounts := []Mount{{ID: "id", Copy: command, Dir: dir, Kept: dir, Command: command}}
		session.BeforeStep(context.Background(), mounts)
		time.Sleep(10 * time.Millisecond)
		require.True(t, writes("by "+command)(dir))
		session.AfterStep(mounts, begin, time.Second, true)
	}
	session.Save(context.Background())
	for _, result := range session.Results() {
		require.False(t, result.Dropped)
		require.Empty(t, result.Problem)
	}
	found, _ := newBuilds(t, store).run(writes())
	require.Equal(t, []string{"a", "by new"}, found)
}

func TestWhatIsNewIsLeftOutIfAStepFailedAndTheArchiveIsInAnotherCache(t *testing.T) {
	main, branch := InFolder(t.TempDir()), InFolder(t.TempDir())
	_, _ = (&builds{t: t, target: main}).run(writes("a"))
	session := NewSession(Options{Stores: func() ([]Store, Store) { return []Store{branch, main}, branch }, Silence: time.Hour, Temp: t.TempDir()})
	dir := t.TempDir()
	mounts := []Mount{{ID: "id", Copy: "1", Dir: dir, Kept: dir}}
	for _, name := range []string{"good", "bad"} {
		begin := time.Now()
		session.BeforeStep(context.Background(), mounts)
		time.Sleep(10 * time.Millisecond)
		require.True(t, writes(name)(dir))
		session.AfterStep(mounts, begin, time.Second, name == "good")
	}
	session.Save(context.Background())
	require.Equal(t, StepFailed, session.Results()[0].NotSaved)
	require.False(t, session.Results()[0].Saved)
}

func TestMountsShareWhatTheirStepSaved(t *testing.T) {
	store := InFolder(t.TempDir())
	slow := faulty{store, func(inner Store, blob Blob) (io.ReadCloser, error) {
		time.Sleep(100 * time.Millisecond)
		return inner.Open(context.Background(), "id", blob)
	}}
	for range 2 {
		session := NewSession(Options{Stores: func() ([]Store, Store) { return []Store{slow}, store }, Silence: time.Hour, Temp: t.TempDir()})
		var mounts []Mount
		for _, id := range []string{"one", "two"} {
			dir := t.TempDir()
			mounts = append(mounts, Mount{ID: id, Copy: id, Dir: dir, Kept: dir, Command: "make"})
		}
		begin := time.Now()
		session.BeforeStep(context.Background(), mounts)
		time.Sleep(10 * time.Millisecond)
		require.True(t, writes("of one")(mounts[0].Dir) && writes("of two")(mounts[1].Dir))
		session.AfterStep(mounts, begin, time.Second, true)
		session.Save(context.Background())
		shares := []float64{session.Results()[0].Steps[0].Share, session.Results()[1].Steps[0].Share}
		if session.Results()[0].Restored {
			require.InDelta(t, 1, shares[0]+shares[1], 0.001)
			require.InDelta(t, 0.5, shares[0], 0.4)
		} else {
			require.Equal(t, []float64{0, 0}, shares)
		}
		require.Equal(t, "make", session.Results()[0].Steps[0].Command)
	}
}

func TestAMountWithFilesOfAStageIsNotKept(t *testing.T) {
	store := InFolder(t.TempDir())
	_, _ = newBuilds(t, store).run(writes("a"))
	session := NewSession(Options{Stores: func() ([]Store, Store) { return []Store{store}, store }, Silence: time.Hour, Temp: t.TempDir()})
	dir := t.TempDir()
	require.True(t, writes("of the stage")(dir))
	mounts := []Mount{{ID: "id", Copy: "1", Dir: dir, Kept: dir}}
	session.BeforeStep(context.Background(), mounts)
	session.AfterStep(mounts, time.Now(), time.Second, true)
	session.Save(context.Background())
	require.NoFileExists(t, filepath.Join(dir, "a"))
	require.Empty(t, session.Results()[0].Problem, "it is no trouble")
	require.Contains(t, session.Results()[0].NotKept, "from=")
	found, _ := newBuilds(t, store).run(writes())
	require.Equal(t, []string{"a"}, found)
}

func TestStepsWithOneMountWaitForOneRestore(t *testing.T) {
	store := InFolder(t.TempDir())
	_, _ = newBuilds(t, store).run(writes("a"))
	opened := 0
	slow := faulty{store, func(inner Store, blob Blob) (io.ReadCloser, error) {
		opened++
		time.Sleep(50 * time.Millisecond)
		return inner.Open(context.Background(), "id", blob)
	}}
	session := NewSession(Options{Stores: func() ([]Store, Store) { return []Store{slow}, nil }, Silence: time.Hour, Temp: t.TempDir()})
	dir := t.TempDir()
	done := make(chan bool, 5)
	for range 5 {
		go func() {
			session.BeforeStep(context.Background(), []Mount{{ID: "id", Copy: "1", Dir: dir, Kept: dir}})
			_, err := os.Stat(filepath.Join(dir, "a"))
			done <- err == nil
		}()
	}
	for range 5 {
		require.True(t, <-done)
	}
	require.Equal(t, 2, opened, "the index and one pack")
}

// stuck is a store that takes a while for each part of what is saved, or forever.
type stuck struct {
	Store
	parts int
	pause time.Duration
}

func (s stuck) Save(ctx context.Context, _ Stored, moved func(int)) (int64, error) {
	for range s.parts {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(s.pause):
			moved(100_000)
		}
	}
	return 1, nil
}

func TestASaveEndsWhenTheStoreTakesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		store stuck
		says  string
	}{
		{"a store that takes nothing", stuck{parts: 1, pause: time.Hour}, "not saved: the store stopped responding for 300ms (LAYERCACHE_CACHE_TIMEOUT)"},
		{"a slow store that takes enough", stuck{parts: 20, pause: impatient / 10}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &builds{t: t, target: c.store, silence: impatient}
			begin := time.Now()
			_, result := b.run(writes("a"))
			require.Equal(t, c.says, result.Problem)
			require.Less(t, time.Since(begin), 10*time.Second)
		})
	}
}

// trickle sends a few bytes at a time.
type trickle struct{ io.ReadCloser }

func (s trickle) Read(p []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return s.ReadCloser.Read(p[:min(len(p), 10)])
}

func TestARestoreEndsWhenTheStoreIsTooSlow(t *testing.T) {
	b := newBuilds(t, InFolder(t.TempDir()))
	_, _ = b.run(func(dir string) bool { return writes("a", "b", "c", "d")(dir) && random(dir) })
	b.open = func(store Store, blob Blob) (io.ReadCloser, error) {
		content, err := store.Open(context.Background(), "id", blob)
		return trickle{content}, err
	}
	b.silence = impatient
	begin := time.Now()
	found, result := b.run(writes())
	require.Less(t, time.Since(begin), 10*time.Second)
	require.Empty(t, found)
	require.Contains(t, result.Problem, "the store stopped responding")
	b.open, b.silence = nil, 0
	found, _ = b.run(writes())
	require.Contains(t, found, "a", "a slow archive may be readable later")
}

// random writes a file that cannot be compressed.
func random(dir string) bool {
	content := make([]byte, 100_000)
	_, err := rand.Read(content)
	return err == nil && os.WriteFile(filepath.Join(dir, "random"), content, 0o644) == nil
}

func TestAnArchiveThatWasWrittenDamagedIsReplaced(t *testing.T) {
	b := newBuilds(t, InFolder(t.TempDir()))
	_, _ = b.run(writes("a"))
	// It ends early, but its transfer does not.
	b.open = damaged(func(content []byte) []byte { return content[:len(content)/2] })
	found, result := b.run(writes("new"))
	require.Empty(t, found)
	require.Contains(t, result.Problem, "not restored: pack 1: ")
	require.True(t, result.Saved)
}

func TestABlobThatIsLargerThanItsManifestSaysIsAnError(t *testing.T) {
	b := newBuilds(t, InFolder(t.TempDir()))
	_, _ = b.run(writes("a"))
	b.open = damaged(func(content []byte) []byte { return append(content, make([]byte, 1000)...) })
	found, result := b.run(writes())
	require.Empty(t, found)
	require.Contains(t, result.Problem, "a blob is larger than its manifest says")
}

func TestAMountThatCannotBeKeptIsLeftAsItIs(t *testing.T) {
	b := newBuilds(t, InFolder(t.TempDir()))
	_, _ = b.run(writes("a"))
	b.mount.Unkept = "of the test"
	found, result := b.run(writes("b"))
	require.Empty(t, found)
	require.Empty(t, result.Problem, "it is no trouble")
	require.Equal(t, "of the test", result.NotKept)
	b.mount.Unkept = ""
	found, _ = b.run(writes())
	require.Equal(t, []string{"a"}, found)
}

func TestAFolderKeepsWhatAnyArchiveHas(t *testing.T) {
	dir := t.TempDir()
	store := InFolder(dir)
	save := func(id, content string, packs ...Blob) Stored {
		file := filepath.Join(t.TempDir(), "blob")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
		sum := sha256.Sum256([]byte(content))
		blob := Blob{Digest: "sha256:" + hex.EncodeToString(sum[:]), Bytes: int64(len(content)), File: file}
		stored := Stored{ID: id, Index: blob, Packs: packs}
		_, err := store.Save(context.Background(), stored, func(int) {})
		require.NoError(t, err)
		return stored
	}
	shared := save("one", "shared")
	save("two", "shared")
	require.NoError(t, os.WriteFile(filepath.Join(dir, mountsFolder, "blobs", "left.new"), nil, 0o644))
	save("one", "new") // No longer has the shared blob, but the other still does.
	content, err := store.Open(context.Background(), "two", shared.Index)
	require.NoError(t, err)
	require.NoError(t, content.Close())
	require.NoFileExists(t, filepath.Join(dir, mountsFolder, "blobs", "left.new"))
	save("two", "new too")
	_, err = store.Open(context.Background(), "two", shared.Index)
	require.ErrorIs(t, err, os.ErrNotExist)

	gone := Blob{Digest: shared.Index.Digest}
	_, err = store.Save(context.Background(), Stored{ID: "two", Index: gone}, func(int) {})
	require.ErrorIs(t, err, os.ErrNotExist, "a list must not name a blob that is not there")
}

func TestSavesToOneFolderWaitForEachOther(t *testing.T) {
	dir := t.TempDir()
	_, _ = newBuilds(t, InFolder(dir)).run(writes("a"))
	turn, err := os.OpenFile(filepath.Join(dir, mountsFolder, "lock"), os.O_RDWR, 0o600)
	require.NoError(t, err)
	require.NoError(t, filelock.Acquire(context.Background(), turn))
	waiting := newBuilds(t, InFolder(dir))
	waiting.silence = impatient
	_, result := waiting.run(writes("b"))
	require.Contains(t, result.Problem, "not saved: the store stopped responding")
	require.NoError(t, turn.Close())
	_, result = newBuilds(t, InFolder(dir)).run(writes("b"))
	require.Empty(t, result.Problem)
}

// counted is a store that counts how many mounts are read at a time.
type counted struct {
	Store
	now, most *atomic.Int32
}

func (c counted) Load(ctx context.Context, id string) (*Stored, error) {
	defer c.now.Add(-1)
	now := c.now.Add(1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	time.Sleep(50 * time.Millisecond)
	return c.Store.Load(ctx, id)
}

func TestNotAllMountsOfAStepAreRestoredAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		silence     time.Duration
		least, most int32
	}{
		"each takes memory, so they wait for each other": {time.Minute, 1, parallelRestores},
		"but not for longer than a store may be silent":  {10 * time.Millisecond, parallelRestores + 1, 8},
	} {
		t.Run(name, func(t *testing.T) {
			store := counted{InFolder(t.TempDir()), &atomic.Int32{}, &atomic.Int32{}}
			session := NewSession(Options{
				Stores: func() ([]Store, Store) { return []Store{store}, store }, Silence: c.silence, Temp: t.TempDir(),
				Decide: func(string, string) payoff.Decision { return payoff.Decision{Use: true} },
			})
			var mounts []Mount
			for i := range 8 {
				dir := t.TempDir()
				mounts = append(mounts, Mount{ID: fmt.Sprint(i), Copy: fmt.Sprint(i), Dir: dir, Kept: dir})
			}
			session.BeforeStep(context.Background(), mounts)
			require.GreaterOrEqual(t, store.most.Load(), c.least)
			require.LessOrEqual(t, store.most.Load(), c.most)
		})
	}
}

// gated is a store whose saves wait.
type gated struct {
	Store
	saving, proceed chan struct{}
}

func (g gated) Save(ctx context.Context, archive Stored, moved func(int)) (int64, error) {
	close(g.saving)
	<-g.proceed
	return g.Store.Save(ctx, archive, moved)
}

func TestStepsOfOtherBuildsOnTheBuilder(t *testing.T) {
	newShared := func(t *testing.T, store Store) (*Session, []Mount) {
		dir := t.TempDir()
		session := NewSession(Options{
			Stores: func() ([]Store, Store) { return []Store{store}, store }, Silence: time.Minute, Temp: t.TempDir(),
		})
		mounts := []Mount{{ID: "id", Copy: "1", Dir: dir, Kept: dir}}
		session.BeforeStep(context.Background(), mounts)
		require.True(t, writes("a")(dir))
		time.Sleep(10 * time.Millisecond) // as runc takes
		session.AfterStep(mounts, time.Now(), time.Second, true)
		return session, mounts
	}
	t.Run("a mount that such a step is using is not saved, because a file may be half-written", func(t *testing.T) {
		session, mounts := newShared(t, InFolder(t.TempDir()))
		session.BeforeStep(context.Background(), mounts)
		session.Save(context.Background())
		require.Equal(t, StepRuns, session.Results()[0].NotSaved)
		require.False(t, session.Results()[0].Saved)
	})
	t.Run("such a step waits until the mount is saved", func(t *testing.T) {
		store := gated{InFolder(t.TempDir()), make(chan struct{}), make(chan struct{})}
		session, mounts := newShared(t, store)
		saved := make(chan struct{})
		go func() {
			session.Save(context.Background())
			close(saved)
		}()
		<-store.saving
		began := make(chan struct{})
		go func() {
			session.BeforeStep(context.Background(), mounts)
			close(began)
		}()
		select {
		case <-began:
			require.Fail(t, "the step did not wait")
		case <-time.After(100 * time.Millisecond):
		}
		close(store.proceed)
		<-began
		<-saved
		require.True(t, session.Results()[0].Saved)
	})
}
