package cachemount

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/cachemount/archive"
)

// prefetch is the restore of a mount into a private folder, before its step asks for it.
type prefetch struct {
	copy   *copyState
	cancel context.CancelFunc
	// done is closed when the restore has ended.
	done chan struct{}
}

// Prefetch starts to restore a mount for a step that is about to run. Meanwhile BuildKit unpacks the layers below the
// step and runs those before it. The first step that asks for the mount gets the files. Prefetch does nothing if a
// step has asked already, or after Save.
func (s *Session) Prefetch(ctx context.Context, id string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.saving || s.prefetched[id] != nil || !s.chosen(id) || s.isKnown(id) {
		return
	}
	p := &prefetch{copy: &copyState{mount: Mount{ID: id}, result: Result{ID: id}}, done: make(chan struct{})}
	ctx, p.cancel = context.WithCancel(ctx)
	s.prefetched[id] = p
	go func() {
		defer close(p.done)
		defer p.cancel()
		s.attempt(ctx, p.copy, func() (err error) {
			if p.copy.temp, err = s.newTemp(); err != nil {
				return err
			}
			p.copy.mount.Dir = filepath.Join(p.copy.temp, "files")
			if err := os.Mkdir(p.copy.mount.Dir, 0o700); err != nil {
				return err
			}
			return s.fill(ctx, p.copy)
		})
	}()
}

// isKnown reports whether a step has asked for the mount.
func (s *Session) isKnown(id string) bool {
	for _, c := range s.order {
		if c.mount.ID == id {
			return true
		}
	}
	return false
}

// takePrefetch returns the prefetch of a mount, and nil if there is none that nobody has taken.
func (s *Session) takePrefetch(id string) *prefetch {
	s.lock.Lock()
	defer s.lock.Unlock()
	p := s.prefetched[id]
	delete(s.prefetched, id)
	return p
}

// adopt moves the files of a prefetch into the copy, once they are complete. The copy is empty if that fails.
func (c *copyState) adopt(ctx context.Context, p *prefetch) {
	defer context.AfterFunc(ctx, p.cancel)()
	<-p.done
	decision := c.result.Decision
	c.result, c.temp, c.keepStored = p.copy.result, p.copy.temp, p.copy.keepStored
	c.result.Decision = decision
	if !c.result.Restored {
		return
	}
	c.stored, c.from = p.copy.stored, p.copy.from
	var err error
	if c.restored, err = archive.Move(p.copy.mount.Dir, c.mount.Dir, c.temp); err == nil {
		return
	}
	if empty := removeContent(c.mount.Dir); empty != nil {
		err = fmt.Errorf("%w; and it could not be emptied: %w", err, empty)
	}
	c.stored, c.from, c.keepStored = nil, nil, true
	c.result.Restored, c.result.RestoreFailed = false, true
	c.result.addProblem(fmt.Sprintf("not restored: %v", err))
}

// unused is why a mount that was prefetched is not kept.
const unused = "its restore began before its step did, but no step took the files"

// endPrefetches ends the prefetches that no step has asked for.
func (s *Session) endPrefetches() {
	s.lock.Lock()
	ended := s.prefetched
	s.prefetched, s.saving = map[string]*prefetch{}, true
	s.lock.Unlock()
	for _, p := range ended {
		p.end(s)
	}
}

// end ends a prefetch that nobody has taken, and notes that it was in vain.
func (p *prefetch) end(s *Session) {
	p.cancel()
	<-p.done
	_ = os.RemoveAll(p.copy.temp)
	r := p.copy.result
	s.lock.Lock()
	defer s.lock.Unlock()
	s.unused = append(s.unused, Result{
		ID: r.ID, RestoreBegin: r.RestoreBegin, RestoreSeconds: r.RestoreSeconds, DownloadedBytes: r.DownloadedBytes, RestoreFailed: true,
		NotKept: unused, NotSaved: NoStepChanged, Decision: p.copy.result.Decision,
	})
}
