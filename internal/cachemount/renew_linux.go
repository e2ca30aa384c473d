package cachemount

import (
	"context"
	"time"

	"github.com/layercache/layercache/internal/cache"
)

// renew writes the list of an old archive again, without its blobs, if the target still has that archive. So a mount
// that every build reads and none changes does not expire.
func (s *Session) renew(ctx context.Context, c *copyState, target Store) error {
	if c.stored == nil {
		return nil
	}
	c.result.RenewAt = c.stored.Written.Add(cache.RenewAfter)
	if time.Now().Before(c.result.RenewAt) {
		return nil
	}
	var err error
	c.result.RenewAt, err = renew(ctx, target, c.mount.ID, s.options.Silence, func(now Stored) bool { return now.Index.Digest == c.stored.Index.Digest })
	return err
}

// Renew renews the archive of a mount that no step used, if it is old. It returns from when on the archive is old again.
// silence is how long the store may send nothing.
func Renew(ctx context.Context, target Store, id string, silence time.Duration) (next time.Time, err error) {
	return renew(ctx, target, id, silence, func(now Stored) bool { return time.Since(now.Written) >= cache.RenewAfter })
}

// renew writes the list of an archive again if the target has it and it is one to renew.
func renew(ctx context.Context, target Store, id string, silence time.Duration, isOne func(Stored) bool) (next time.Time, err error) {
	guard := newStallGuard(ctx, silence)
	defer guard.stop()
	now, err := target.Load(guard.ctx, id)
	if err != nil {
		return time.Time{}, guard.explain(err)
	}
	guard.reset()
	switch {
	case now == nil, len(now.Packs) == 0:
		return time.Now().Add(cache.RenewAfter), nil
	case !isOne(*now):
		return now.Written.Add(cache.RenewAfter), nil
	}
	renewed := *now
	renewed.Written = time.Now()
	if _, err := target.Save(guard.ctx, renewed, guard.addBytes); err != nil {
		return time.Time{}, guard.explain(err)
	}
	return renewed.Written.Add(cache.RenewAfter), nil
}
