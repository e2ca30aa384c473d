package run

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
)

// saveTimeout limits the requests to the registry after the build.
const saveTimeout = 5 * time.Second

// knownCaches has the caches as they were before the build, and the inputs of the build.
type knownCaches struct {
	flags cache.Flags
	// states and records are by cache ref. A cache without a record is not in records.
	states  map[string]cache.State
	records map[string]*cache.Record
	inputs  cache.Inputs
}

// cacheLookup collects knownCaches in the background.
type cacheLookup struct {
	flags    cache.Flags
	keychain authn.Keychain
	known    knownCaches
	// statesKnown is closed when known.states is set, done when all of known is.
	statesKnown, done chan struct{}
}

// startLookup starts to query the state and the record of each cache.
func startLookup(ctx context.Context, flags cache.Flags, timeout time.Duration, keychain authn.Keychain, inputs <-chan cache.Inputs) *cacheLookup {
	l := &cacheLookup{
		flags: flags, keychain: keychain, known: knownCaches{flags: flags},
		statesKnown: make(chan struct{}), done: make(chan struct{}),
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	go func() {
		defer close(l.statesKnown)
		if flags.InRegistry {
			l.known.states = cache.QueryStates(ctx, flags.Refs.Imports, keychain)
		}
	}()
	go func() {
		defer close(l.done)
		defer cancel()
		l.known.records = l.loadRecords(ctx)
		l.known.inputs = <-inputs
		<-l.statesKnown
	}()
	return l
}

// wait waits for the result.
func (l *cacheLookup) wait() knownCaches {
	<-l.done
	return l.known
}

// waitFor waits for the result up to the limit, and returns false if there is none by then.
func (l *cacheLookup) waitFor(limit time.Duration) (knownCaches, bool) {
	select {
	case <-l.done:
		return l.known, true
	case <-time.After(limit):
		return knownCaches{}, false
	}
}

// waitStates waits for the states.
func (l *cacheLookup) waitStates() map[string]cache.State {
	<-l.statesKnown
	return l.known.states
}

// loadRecords reads the records. It ignores errors, because the import of the cache will report them.
func (l *cacheLookup) loadRecords(ctx context.Context) map[string]*cache.Record {
	records := map[string]*cache.Record{}
	var group sync.WaitGroup
	var lock sync.Mutex
	for _, ref := range l.flags.Refs.Imports {
		store := recordStore(l.flags, ref, l.keychain)
		if store == nil {
			continue
		}
		group.Go(func() {
			if r, err := store.Load(ctx); err == nil && r != nil {
				lock.Lock()
				records[ref] = r
				lock.Unlock()
			}
		})
	}
	group.Wait()
	return records
}

// recordStore returns the store of a cache's record, nil for kinds of caches that have none.
func recordStore(flags cache.Flags, ref string, keychain authn.Keychain) cache.RecordStore {
	switch {
	case flags.InRegistry:
		return cache.RecordInRegistry(cache.RecordRef(ref), keychain)
	case flags.Folder != "":
		return cache.RecordInFolder(flags.Folder)
	}
	return nil
}

// nothingNew reports whether the inputs equal those that produced the cache at Refs.Export.
func (k knownCaches) nothingNew() bool {
	before := k.records[k.flags.Refs.Export]
	if before == nil || !k.inputs.Complete() {
		return false
	}
	state := k.states[k.flags.Refs.Export]
	return state.Kind == cache.KindCache && state.Manifest == before.Manifest && reflect.DeepEqual(before.Inputs, k.inputs)
}

// recordedSeconds returns how long each step took when it last ran, from the first record that has it. It is
// nil for steps that no record has.
func (k knownCaches) recordedSeconds(steps []progress.Step) []*float64 {
	recorded := make([]*float64, len(steps))
	for i, step := range steps {
		for _, ref := range k.flags.Refs.Imports {
			if seconds, ok := k.records[ref].Seconds(step); ok {
				recorded[i] = &seconds
				break
			}
		}
	}
	return recorded
}

// lastRecord returns the record from which a new one takes over the times of cached steps, or nil.
func (k knownCaches) lastRecord() *cache.Record {
	for _, ref := range k.flags.Refs.Imports {
		if r := k.records[ref]; r != nil {
			return r
		}
	}
	return nil
}

// savedRecord is the result of saveRecord.
type savedRecord struct {
	// cacheBytes is the size of the cache at Refs.Export; nil if not known.
	cacheBytes *int64
	// sameCache is true if the written cache equals the previous one.
	sameCache bool
	warnings  []string
}

// saveRecord checks the cache that the build wrote, and writes its record.
func (j *job) saveRecord(ctx context.Context, built outcome, export exportResult) savedRecord {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	known, ref := j.lookup.wait(), j.flags.Refs.Export
	state := known.states[ref]
	var saved savedRecord
	if export.written() && j.flags.InRegistry {
		state = cache.QueryStates(ctx, []string{ref}, j.signIn.keychain)[ref]
		if state.TooLarge() {
			saved.warnings = append(saved.warnings, fmt.Sprintf("the cache %s describes too many steps for BuildKit to import it (%d bytes): set LAYERCACHE_LAYERS=final, or split the build into several apps (LAYERCACHE_APP)", ref, max(state.ConfigBytes, state.ManifestBytes)))
		}
	}
	if state.Kind == cache.KindCache {
		saved.cacheBytes = &state.Bytes
	}
	store := recordStore(j.flags, ref, j.signIn.keychain)
	if !export.written() || store == nil {
		return saved
	}
	written := built.export
	next := &cache.Record{
		Version: cache.RecordVersion, Written: time.Now().UTC(), App: j.scope.App, Platform: j.scope.Platform,
		Manifest: written.Manifest, Config: written.Config, Bytes: state.Bytes, Inputs: known.inputs,
		Steps: cache.MergeSteps(built.steps, known.lastRecord()),
	}
	if err := store.Save(ctx, next); err != nil {
		saved.warnings = append(saved.warnings, fmt.Sprintf("the record of the cache could not be written, so the next build cannot calculate what the cache saved: %v", err))
	}
	before := known.records[ref]
	saved.sameCache = before != nil && before.Config == written.Config && written.Config != ""
	return saved
}
