package cachemount

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cachemount/payoff"
)

// prefetching is a session that reads a store with an archive of one file, "a", and counts the blobs that it opens.
type prefetching struct {
	*Session
	temp   string
	opened atomic.Int32
	// open is called instead of Open of the store if it is not nil.
	open func() error
	use  bool
}

func newPrefetching(t *testing.T) *prefetching {
	store := InFolder(t.TempDir())
	_, result := newBuilds(t, store).run(writes("a"))
	require.True(t, result.Saved)
	p := &prefetching{temp: t.TempDir(), use: true}
	counted := faulty{store, func(store Store, blob Blob) (io.ReadCloser, error) {
		p.opened.Add(1)
		if p.open != nil {
			if err := p.open(); err != nil {
				return nil, err
			}
		}
		return store.Open(t.Context(), "id", blob)
	}}
	p.Session = NewSession(Options{
		Stores:  func() ([]Store, Store) { return []Store{counted}, store },
		Decide:  func(string, string) payoff.Decision { return payoff.Decision{Use: p.use} },
		Silence: 10 * time.Second, Temp: p.temp,
	})
	return p
}

// mount returns a copy of the mount in a new folder.
func (p *prefetching) mount(t *testing.T, name string) Mount {
	dir := filepath.Join(p.temp, name)
	require.NoError(t, os.Mkdir(dir, 0o755))
	return Mount{ID: "id", Copy: name, Dir: dir, Kept: dir}
}

// step runs a step with the mount, and returns the names that it finds.
func (p *prefetching) step(t *testing.T, mount Mount) (found []string) {
	p.BeforeStep(t.Context(), []Mount{mount})
	entries, err := os.ReadDir(mount.Dir)
	require.NoError(t, err)
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	p.AfterStep([]Mount{mount}, time.Now(), time.Second, true)
	return found
}

func TestAStepGetsAPrefetchedMount(t *testing.T) {
	p := newPrefetching(t)
	reading, release := make(chan struct{}, 4), make(chan struct{})
	p.open = func() error {
		reading <- struct{}{}
		<-release
		return nil
	}
	p.Prefetch(t.Context(), "id")
	<-reading
	p.Prefetch(t.Context(), "id")
	mount := p.mount(t, "first")
	empty, err := os.ReadDir(mount.Dir)
	require.NoError(t, err)
	require.Empty(t, empty, "a mount is not filled before its step asks")
	close(release)
	require.Equal(t, []string{"a"}, p.step(t, mount))
	require.EqualValues(t, 2, p.opened.Load(), "index and pack are read once")
	require.Equal(t, []string{"a"}, p.step(t, p.mount(t, "second")))
	require.EqualValues(t, 4, p.opened.Load(), "another copy is restored by itself")
	p.Save(context.Background())
	results := p.Results()
	require.Len(t, results, 2)
	for _, r := range results {
		require.True(t, r.Restored)
		require.Empty(t, r.Problem)
	}
	require.Equal(t, NothingNew, results[1].NotSaved, "moved files have not changed")
}

func TestWhatAStepAddsToAPrefetchedMountIsSaved(t *testing.T) {
	p := newPrefetching(t)
	p.Prefetch(t.Context(), "id")
	mount := p.mount(t, "first")
	p.BeforeStep(t.Context(), []Mount{mount})
	time.Sleep(10 * time.Millisecond) // as runc takes
	p.AfterStep([]Mount{mount}, time.Now(), time.Second, writes("b")(mount.Dir))
	p.Save(context.Background())
	require.True(t, p.Results()[0].Saved)
	require.Equal(t, []string{"a", "b"}, p.again(t))
}

// again returns what a later build finds.
func (p *prefetching) again(t *testing.T) []string {
	p.Session = NewSession(p.options)
	return p.step(t, p.mount(t, "later"))
}

func TestAFailedPrefetchLeavesAnEmptyMount(t *testing.T) {
	p := newPrefetching(t)
	p.open = func() error { return errors.New("no such blob") }
	p.Prefetch(t.Context(), "id")
	require.Empty(t, p.step(t, p.mount(t, "first")))
	p.Save(context.Background())
	results := p.Results()
	require.Len(t, results, 1)
	require.True(t, results[0].RestoreFailed)
	require.Contains(t, results[0].Problem, "not restored: no such blob")
}

func TestAPrefetchThatCannotBeMovedLeavesAnEmptyMount(t *testing.T) {
	p := newPrefetching(t)
	p.Prefetch(t.Context(), "id")
	require.Eventually(t, func() bool {
		p.lock.Lock()
		defer p.lock.Unlock()
		select {
		case <-p.prefetched["id"].done:
			return true
		default:
			return false
		}
	}, time.Minute, time.Millisecond)
	require.NoError(t, os.RemoveAll(p.prefetched["id"].copy.mount.Dir))
	require.Empty(t, p.step(t, p.mount(t, "first")))
	p.Save(context.Background())
	result := p.Results()[0]
	require.False(t, result.Restored)
	require.Contains(t, result.Problem, "not restored: open ")
	require.Equal(t, StoredIsKept, result.NotSaved)
}

func TestAPrefetchInVainIsToldAndEnds(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *prefetching){
		"no step starts": func(*testing.T, *prefetching) {},
		"the mount does not pay for the step's command": func(t *testing.T, p *prefetching) {
			p.use = false
			require.Empty(t, p.step(t, p.mount(t, "first")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPrefetching(t)
			p.Prefetch(t.Context(), "id")
			run(t, p)
			p.Save(context.Background())
			results := p.Results()
			last := results[len(results)-1]
			require.Equal(t, unused, last.NotKept)
			require.False(t, last.Restored)
			left, err := filepath.Glob(filepath.Join(p.temp, "mount-*"))
			require.NoError(t, err)
			require.Empty(t, left)
			before := p.opened.Load()
			p.Prefetch(t.Context(), "id")
			require.Empty(t, p.prefetched)
			require.Equal(t, before, p.opened.Load(), "nothing is read after the save")
		})
	}
}
