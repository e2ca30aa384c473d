package cachemount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/docker/go-units"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount/archive"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/s3"
)

// Session keeps the mounts of one builder. It implements Keeper.
type Session struct {
	options Options
	// restoring has a place for each mount that is restored at a time.
	restoring chan struct{}

	lock sync.Mutex
	// copies are by Mount.Copy, in the order in which they were first used in order.
	copies map[string]*copyState
	order  []*copyState
	// unknown is the first error of Unknown.
	unknown error
	// prefetched are the prefetches that no step has asked for yet, by the mount's id. unused has those that ended so.
	prefetched map[string]*prefetch
	unused     []Result
	// saving is true once Save was called.
	saving bool
}

// copyState is one copy of a mount.
type copyState struct {
	mount Mount
	once  sync.Once
	// temp is a private folder. stored is the archive from which the copy was restored, from that of its store;
	// nil if it started empty.
	temp     string
	from     Store
	stored   *Stored
	restored archive.Time
	// keepStored is true if the archive in the store must not be replaced, because it could not be read now but
	// may be readable later.
	keepStored bool
	// lastGood is when the last successful step ended. firstBad is when the first failed step began; both are
	// zero if there was none.
	lastGood, firstBad time.Time
	// steps is how many steps are using it. saved is closed when its save has ended; nil before one has begun.
	steps   int
	saved   chan struct{}
	exclude []string
	result  Result
}

// NewSession returns a keeper for the mounts of one builder.
func NewSession(options Options) *Session {
	return &Session{options: options, restoring: make(chan struct{}, parallelRestores), copies: map[string]*copyState{}, prefetched: map[string]*prefetch{}}
}

// parallelRestores is how many mounts are restored at a time. Each one needs some 15 MB of memory.
const parallelRestores = 2

// enter waits for a place among the mounts that are restored, but not longer than a store may be silent. Call leave
// after the restore.
func (s *Session) enter(ctx context.Context) (leave func()) {
	longest := time.NewTimer(s.options.Silence)
	defer longest.Stop()
	select {
	case s.restoring <- struct{}{}:
		return func() { <-s.restoring }
	case <-longest.C:
	case <-ctx.Done():
	}
	return func() {}
}

// BeforeStep implements Keeper.
func (s *Session) BeforeStep(ctx context.Context, mounts []Mount) {
	var group sync.WaitGroup
	for _, mount := range mounts {
		if !s.chosen(mount.ID) {
			continue
		}
		state, command := s.stateOf(mount), mount.Command
		group.Go(func() {
			s.enterStep(ctx, state)
			state.once.Do(func() { s.start(ctx, state, command) })
		})
	}
	group.Wait()
}

// enterStep waits until no save reads the copy, so that the archive has no half-written file: on a builder that builds
// share, a step of another build may still use it.
func (s *Session) enterStep(ctx context.Context, c *copyState) {
	s.lock.Lock()
	saved := c.saved
	if saved == nil {
		c.steps++
	}
	s.lock.Unlock()
	if saved == nil {
		return
	}
	select {
	case <-saved:
	case <-ctx.Done():
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	c.steps++
}

// MountsUnknown implements Keeper.
func (s *Session) MountsUnknown(err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.unknown == nil {
		s.unknown = err
	}
}

// WhyMountsUnknown returns the first error of MountsUnknown, or nil.
func (s *Session) WhyMountsUnknown() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.unknown
}

// AfterStep implements Keeper.
func (s *Session) AfterStep(mounts []Mount, begin time.Time, duration time.Duration, succeeded bool) {
	restores := s.restoreSeconds(mounts)
	for _, mount := range mounts {
		if !s.chosen(mount.ID) {
			continue
		}
		state := s.stateOf(mount)
		s.lock.Lock()
		state.steps--
		step := StepResult{Begin: begin, Seconds: duration.Seconds(), Succeeded: succeeded, Command: mount.Command}
		if state.result.Restored && restores > 0 {
			step.Share = state.result.RestoreSeconds / restores
		}
		state.result.Steps = append(state.result.Steps, step)
		switch {
		case mount.ReadOnly:
		case succeeded:
			state.lastGood = time.Now()
		case state.firstBad.IsZero() || begin.Before(state.firstBad):
			state.firstBad = begin
		}
		s.lock.Unlock()
	}
}

// restoreSeconds returns how long the restores of the mounts took in total.
func (s *Session) restoreSeconds(mounts []Mount) float64 {
	s.lock.Lock()
	defer s.lock.Unlock()
	var total float64
	for _, mount := range mounts {
		if state := s.copies[mount.Copy]; state != nil && state.result.Restored {
			total += state.result.RestoreSeconds
		}
	}
	return total
}

func (s *Session) chosen(id string) bool { return s.options.Chosen == nil || s.options.Chosen(id) }

func (s *Session) stateOf(mount Mount) *copyState {
	s.lock.Lock()
	defer s.lock.Unlock()
	state := s.copies[mount.Copy]
	if state == nil {
		state = &copyState{mount: mount, result: Result{ID: mount.ID, Decision: payoff.Decision{Use: true}}}
		s.copies[mount.Copy] = state
		s.order = append(s.order, state)
	}
	for _, path := range mount.Exclude {
		if !slices.Contains(state.exclude, path) {
			state.exclude = append(state.exclude, path)
		}
	}
	return state
}

// leave leaves the copy as it is: it is neither restored nor saved.
func (c *copyState) leave(reason string) {
	c.keepStored = true
	c.result.NotKept = reason
}

// start fills the copy if the mount is used. Otherwise its archive stays as it is, for a later build that uses it.
func (s *Session) start(ctx context.Context, c *copyState, command string) {
	if s.options.Decide != nil {
		c.result.Decision = s.options.Decide(c.mount.ID, command)
	}
	if !c.result.Decision.Use {
		c.keepStored = true
		return
	}
	if c.mount.Unkept != "" {
		c.leave(c.mount.Unkept)
		return
	}
	s.restore(ctx, c)
}

// restore fills the copy. It is empty if that fails.
func (s *Session) restore(ctx context.Context, c *copyState) {
	used, err := hasContent(c.mount.Dir)
	if used {
		c.leave("it starts with the files of its from=")
		return
	}
	if p := s.takePrefetch(c.mount.ID); p != nil && err == nil {
		c.adopt(ctx, p)
		return
	}
	s.attempt(ctx, c, func() error {
		if err == nil {
			c.temp, err = s.newTemp()
		}
		if err != nil {
			return err
		}
		return s.fill(ctx, c)
	})
}

// attempt runs a restore of the copy, as soon as there is a place, and notes its time and why it failed.
func (s *Session) attempt(ctx context.Context, c *copyState, restore func() error) {
	c.result.RestoreBegin = time.Now()
	defer func() { c.result.RestoreSeconds = time.Since(c.result.RestoreBegin).Seconds() }()
	leave := s.enter(ctx)
	err := restore()
	leave()
	if err == nil {
		return
	}
	c.keepStored = c.keepStored || isTransient(err)
	c.result.RestoreFailed = true
	c.result.addProblem(fmt.Sprintf("not restored: %v", err))
}

// newTemp returns a new private folder.
func (s *Session) newTemp() (string, error) { return os.MkdirTemp(s.options.Temp, "mount-") }

// fill restores the copy from the first store that has it and can be read. The copy is empty if there is none.
func (s *Session) fill(ctx context.Context, c *copyState) error {
	read, _ := s.options.Stores()
	var failed error
	for i, store := range read {
		found, err := s.fillFrom(ctx, c, store)
		switch {
		case err != nil:
			if empty := removeContent(c.mount.Dir); empty != nil {
				c.keepStored = true
				return fmt.Errorf("%w; and it could not be emptied: %w", err, empty)
			}
			c.keepStored = c.keepStored || isTransient(err)
			failed = joinCauses(failed, err)
			if isOfAllStores(err) {
				return failed
			}
		case found:
			c.result.From = i
			if failed == nil || !c.result.Restored {
				return failed
			}
			c.result.addProblem(fmt.Sprintf("restored from the next cache that has it, because this failed: %v", failed))
			return nil
		}
	}
	return failed
}

// joinCauses returns an error with both causes on one line. Two that read the same are one.
func joinCauses(first, second error) error {
	if first == nil || first.Error() == second.Error() {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// isOfAllStores reports whether the restore would fail from every store: no time or no disk space is left.
func isOfAllStores(err error) bool {
	return errors.Is(err, errStalled) || errors.Is(err, context.Canceled) || errors.Is(err, unix.ENOSPC)
}

// fillFrom restores the copy from a store. found is false if the store does not have it. An archive without files is
// found, but nothing is restored.
func (s *Session) fillFrom(ctx context.Context, c *copyState, store Store) (found bool, err error) {
	guard := newStallGuard(ctx, s.options.Silence)
	defer guard.stop()
	defer func() { err = guard.explain(err) }()
	stored, err := store.Load(guard.ctx, c.mount.ID)
	if err != nil || stored == nil {
		return false, err
	}
	guard.reset()
	if stored.Index.Bytes > maxIndexBytes {
		return true, fmt.Errorf("the archive's index has %s, the limit is %s", units.BytesSize(float64(stored.Index.Bytes)), units.BytesSize(maxIndexBytes))
	}
	if len(stored.Packs) == 0 {
		return true, nil
	}
	index := c.indexFile()
	if err := download(guard, store, c.mount.ID, stored.Index, index); err != nil {
		return true, err
	}
	limit, whole, err := s.room(c.mount.Dir)
	if err != nil {
		return true, err
	}
	var sources []archive.Source
	for _, pack := range stored.Packs {
		sources = append(sources, func(ctx context.Context) (io.ReadCloser, error) {
			return guard.open(ctx, store, c.mount.ID, pack)
		})
	}
	totals, restored, err := archive.Restore(guard.ctx, c.mount.Dir, index, c.temp, sources, limit)
	if errors.Is(err, archive.ErrLimit) && !whole {
		err = fmt.Errorf("%w, half of the free disk space: %w", err, unix.ENOSPC)
	}
	if err != nil {
		return true, err
	}
	c.stored, c.from, c.restored = stored, store, restored
	c.result.Restored = true
	c.result.RestoredFiles, c.result.RestoredBytes, c.result.DownloadedBytes = totals.Files, totals.Bytes, stored.Bytes()
	c.result.StoredBytes = stored.Bytes()
	return true, nil
}

// maxIndexBytes is the largest index that is fetched. One with two million paths has about a fifth of that.
const maxIndexBytes = 256 << 20

// room returns how many bytes a mount may have: the limit of the settings, or half of the free disk space if that is
// less, because the build needs space too. whole is true if it is the limit of the settings.
func (s *Session) room(dir string) (limit int64, whole bool, err error) {
	free, err := freeSpace(dir)
	if err != nil {
		return 0, false, err
	}
	if s.options.Limit > 0 && s.options.Limit <= free/2 {
		return s.options.Limit, true, nil
	}
	return max(1, free/2), false, nil
}

// freeSpace returns how many bytes the file system of a folder has left.
func freeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

func (c *copyState) indexFile() string { return filepath.Join(c.temp, "restored.index") }

// download copies a blob to a new file.
func download(guard *stallGuard, store Store, id string, blob Blob, path string) error {
	content, err := guard.open(guard.ctx, store, id, blob)
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// isTransient reports whether the same archive may be readable in a later build.
func isTransient(err error) bool {
	var network net.Error
	var response *transport.Error
	var answer *s3.Error
	switch {
	case errors.As(err, &answer):
		return !s3.IsNotFound(err)
	case errors.As(err, &response):
		return response.StatusCode != http.StatusNotFound
	case errors.As(err, &network), errors.Is(err, errStalled), errors.Is(err, context.Canceled),
		errors.Is(err, unix.ENOSPC), errors.Is(err, errBroken):
		return true
	}
	return false
}

func hasContent(dir string) (bool, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return len(names) > 0, err
}

// removeContent removes everything below the folder.
func removeContent(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	for _, name := range names {
		err = errors.Join(err, root.RemoveAll(name))
	}
	return err
}

// parallelSaves is how many mounts are packed at a time.
const parallelSaves = 2

// Save saves what the steps added to the mounts. Call it when no step runs any more.
func (s *Session) Save(ctx context.Context) {
	s.awaitSteps()
	s.endPrefetches()
	chosen, dropped := s.toSave(), s.toDrop()
	defer s.endSaves(chosen)
	if len(chosen)+len(dropped) == 0 {
		return
	}
	_, target := s.options.Stores()
	if target == nil {
		for _, c := range chosen {
			c.result.NotSaved = WritesNoCache
		}
		return
	}
	var group errgroup.Group
	group.SetLimit(parallelSaves)
	for _, c := range chosen {
		group.Go(func() error {
			c.result.SaveBegin = time.Now()
			if err := s.save(ctx, c, target); err != nil {
				c.result.addProblem(fmt.Sprintf("not saved: %v", err))
			}
			c.result.SaveSeconds = time.Since(c.result.SaveBegin).Seconds()
			return nil
		})
	}
	for _, c := range dropped {
		group.Go(func() error {
			if err := s.drop(ctx, c, target); err != nil {
				c.result.addProblem(fmt.Sprintf("its archive was not removed: %v", err))
			}
			return nil
		})
	}
	_ = group.Wait()
}

const (
	// stepsWait limits how long a save waits for the end of steps. Those of the build have ended; others may be of another
	// build, on a builder that builds share.
	stepsWait = 2 * time.Second
	stepsPoll = 10 * time.Millisecond
)

// awaitSteps waits until no step uses a mount, but not longer than stepsWait.
func (s *Session) awaitSteps() {
	for begin := time.Now(); time.Since(begin) < stepsWait && s.inUse(); time.Sleep(stepsPoll) {
	}
}

func (s *Session) inUse() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return slices.ContainsFunc(s.order, func(c *copyState) bool { return c.steps > 0 })
}

// endSaves lets steps use the copies again.
func (s *Session) endSaves(copies []*copyState) {
	for _, c := range copies {
		close(c.saved)
	}
}

// toSave returns the copy of each mount that was used last by a step that succeeded. The others get the reason why
// they are not saved.
func (s *Session) toSave() []*copyState {
	s.lock.Lock()
	defer s.lock.Unlock()
	var chosen []*copyState
	for _, c := range s.order {
		switch {
		case c.keepStored:
			c.result.NotSaved = StoredIsKept
			continue
		case c.lastGood.IsZero():
			c.result.NotSaved = NoStepChanged
			continue
		case c.steps > 0:
			c.result.NotSaved = StepRuns
			continue
		}
		same := slices.IndexFunc(chosen, func(o *copyState) bool { return o.mount.ID == c.mount.ID })
		switch {
		case same < 0:
			chosen = append(chosen, c)
		case chosen[same].lastGood.Before(c.lastGood):
			chosen[same].result.NotSaved = OtherCopy
			chosen[same] = c
		default:
			c.result.NotSaved = OtherCopy
		}
	}
	for _, c := range chosen {
		c.saved = make(chan struct{})
	}
	return chosen
}

// toDrop returns a copy of each mount whose archive is not to be stored any more.
func (s *Session) toDrop() []*copyState {
	s.lock.Lock()
	defer s.lock.Unlock()
	var dropped []*copyState
	for _, c := range s.order {
		same := func(o *copyState) bool { return o.mount.ID == c.mount.ID }
		used := func(o *copyState) bool { return same(o) && o.result.Decision.Use }
		if c.result.Decision.Drop && !slices.ContainsFunc(dropped, same) && !slices.ContainsFunc(s.order, used) {
			dropped = append(dropped, c)
		}
	}
	return dropped
}

// drop replaces the mount's archive by one without files. Registries let builds write, but not delete.
func (s *Session) drop(ctx context.Context, c *copyState, target Store) error {
	stored, err := target.Load(ctx, c.mount.ID)
	if err != nil || stored == nil || len(stored.Packs) == 0 {
		return err
	}
	temp, err := os.MkdirTemp(s.options.Temp, "empty-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	index, err := archive.Empty(temp)
	if err != nil {
		return err
	}
	next := Stored{ID: c.mount.ID, Written: time.Now(), Index: blobOf(index)}
	if _, err := s.put(ctx, target, next); err != nil {
		return err
	}
	c.result.Dropped, c.result.StoredBytes = true, next.Bytes()
	return nil
}

// put saves an archive, unless the store stops responding.
func (s *Session) put(ctx context.Context, target Store, archive Stored) (written int64, err error) {
	guard := newStallGuard(ctx, s.options.Silence)
	defer guard.stop()
	written, err = target.Save(guard.ctx, archive, guard.addBytes)
	if err != nil {
		return 0, guard.explain(err)
	}
	return written, nil
}

func (s *Session) save(ctx context.Context, c *copyState, target Store) error {
	temp, err := os.MkdirTemp(c.temp, "save-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	update, err := s.updateOf(c, target, temp)
	if err != nil {
		return err
	}
	updated, err := update.Run(ctx)
	if err != nil {
		return err
	}
	c.result.ReadKnown = c.result.Restored && recordsReads(c.mount.Kept)
	c.result.ReadFiles, c.result.ReadBytes = updated.Read.Files, updated.Read.Bytes
	if !updated.Changed {
		c.result.NotSaved = NothingNew
		if updated.Withheld {
			c.result.NotSaved = StepFailed
		}
		return s.renew(ctx, c, target)
	}
	next := Stored{ID: c.mount.ID, Written: time.Now(), Index: blobOf(updated.Index)}
	for _, number := range updated.Kept {
		next.Packs = append(next.Packs, c.stored.Packs[number])
	}
	for _, pack := range updated.New {
		next.Packs = append(next.Packs, blobOf(pack))
	}
	uploaded, err := s.put(ctx, target, next)
	if err != nil {
		return err
	}
	c.result.Saved, c.result.UploadedBytes, c.result.StoredBytes = true, uploaded, next.Bytes()
	c.result.EvictedBytes, c.result.RenewAt = updated.Evicted.Bytes, next.Written.Add(cache.RenewAfter)
	return nil
}

// updateOf returns the update of what is stored of the copy, for the target.
func (s *Session) updateOf(c *copyState, target Store, temp string) (archive.Update, error) {
	free, err := freeSpace(temp)
	update := archive.Update{
		Dir: c.mount.Kept, Below: c.mount.KeptBelow, Limit: s.options.Limit, Space: max(1, free/2), Exclude: c.exclude, Temp: temp,
	}
	if !c.firstBad.IsZero() {
		update.Until = archive.Time(c.firstBad.UnixNano())
	}
	if c.stored != nil {
		update.Index, update.Restored = c.indexFile(), c.restored
		update.Whole = c.from.Blobs() != target.Blobs()
		for _, pack := range c.stored.Packs {
			update.Packs = append(update.Packs, archive.Content(pack.Content))
		}
	}
	return update, err
}

// recordsReads reports whether the folder's file system notes when a file is read.
func recordsReads(dir string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(dir, &stat) == nil && stat.Flags&unix.ST_NOATIME == 0
}

func blobOf(pack archive.Pack) Blob {
	return Blob{Digest: pack.Digest, Bytes: pack.Bytes, Content: pack.Content, File: pack.File}
}

// Results returns what was done with each mount, in the order of their first use. Call it after Save.
func (s *Session) Results() []Result {
	s.lock.Lock()
	defer s.lock.Unlock()
	var results []Result
	for _, c := range s.order {
		results = append(results, c.result)
	}
	return append(results, s.unused...)
}
