package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount"
)

// pushed returns when the manifest of an exported cache was first pushed: now, if the cache is new. It is zero
// if a cache that the build could import has the same content, because then the export may equal an earlier
// one, of this branch or of any other.
func (k knownCaches) pushed(config string) time.Time {
	for _, state := range k.states {
		if state.Config == config {
			return time.Time{}
		}
	}
	return time.Now().UTC()
}

// renewCache renews the cache at Refs.Export, which the record describes, if its manifest was pushed too long ago,
// and notes that in the record. It returns a warning if it fails.
func (b *build) renewCache(ctx context.Context, r *cache.Record) (warnings []string) {
	now := time.Now().UTC()
	if r.Manifest == "" || now.Sub(r.Pushed) < cache.RenewAfter {
		return nil
	}
	renewed, err := cache.Renew(ctx, b.flags.Refs.Export, r.Manifest, now, b.signIn.keychain)
	switch {
	case errors.Is(err, cache.ErrReplaced):
		return nil
	case err != nil:
		return []string{"the cache could not be renewed, so it may expire although builds use it: " + b.explain(err)}
	}
	r.Manifest, r.Written, r.Pushed = renewed, now, now
	return nil
}

// renewMounts renews the archives of the record's mounts that are due, because the steps that use them may come from the
// cache for longer than the archives are kept. It notes in the record when they are due next, and reports whether that
// changed. It returns a warning if one fails.
func (b *build) renewMounts(ctx context.Context, r *cache.Record) (changed bool, warnings []string) {
	if b.mounts == nil {
		return false, nil
	}
	r.Mounts = slices.Clone(r.Mounts)
	for i, mount := range r.Mounts {
		if time.Now().Before(mount.RenewAt) {
			continue
		}
		_, target := b.mounts.stores()
		if target == nil {
			return changed, nil
		}
		next, err := cachemount.Renew(ctx, target, mount.ID, cacheTimeout(b.Settings))
		if err != nil {
			return changed, []string{fmt.Sprintf("cache mount %s: not renewed, so it may expire although the cache is used: %v", mount.ID, err)}
		}
		r.Mounts[i].RenewAt, changed = next.UTC(), true
	}
	return changed, nil
}

// renewUnchanged renews a cache that was up to date with its mounts, and writes its record if that changed or has changed
// already.
func (b *build) renewUnchanged(ctx context.Context, r cache.Record, changed bool, store cache.RecordStore, saved savedRecord) savedRecord {
	before := r.Manifest
	saved.warnings = append(saved.warnings, b.renewCache(ctx, &r)...)
	renewed, warnings := b.renewMounts(ctx, &r)
	saved.warnings = append(saved.warnings, warnings...)
	if r.Manifest == before && !renewed && !changed {
		return saved
	}
	saved.warnings = append(saved.warnings, b.saveWarnings(store.Save(ctx, &r))...)
	return saved
}
