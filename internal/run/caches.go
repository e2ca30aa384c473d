package run

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/s3"
)

// saveTimeout limits the requests to the registry after the build. They have at least a second, even if the
// budget is used up.
const saveTimeout = 5 * time.Second

// knownCaches has the caches as they were before the build, and the inputs of the build.
type knownCaches struct {
	flags cache.Flags
	// states and records are by cache ref. A cache without a record is not in records.
	states  map[string]cache.State
	records map[string]*cache.Record
	inputs  cache.Inputs
}

// cacheQuery collects knownCaches in the background.
type cacheQuery struct {
	flags    cache.Flags
	keychain authn.Keychain
	known    knownCaches
	// statesKnown is closed when known.states is set, recordsKnown when known.records is, and done when all of known is.
	statesKnown, recordsKnown, done chan struct{}
}

// startCacheQuery starts to query the state and the record of each cache.
func startCacheQuery(ctx context.Context, flags cache.Flags, timeout time.Duration, keychain authn.Keychain, inputs <-chan cache.Inputs) *cacheQuery {
	q := &cacheQuery{
		flags: flags, keychain: keychain, known: knownCaches{flags: flags},
		statesKnown: make(chan struct{}), recordsKnown: make(chan struct{}), done: make(chan struct{}),
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	go func() {
		defer close(q.statesKnown)
		q.known.states = queryStates(ctx, flags, keychain)
	}()
	go func() {
		defer close(q.done)
		defer cancel()
		q.known.records = q.loadRecords(ctx)
		close(q.recordsKnown)
		q.known.inputs = <-inputs
		<-q.statesKnown
	}()
	return q
}

// queryStates returns the state of each cache. It is empty in the modes whose cache is part of an image.
func queryStates(ctx context.Context, flags cache.Flags, keychain authn.Keychain) map[string]cache.State {
	switch {
	case flags.InRegistry:
		return cache.QueryStates(ctx, flags.Refs.Imports, keychain)
	case flags.Folder != "":
		return map[string]cache.State{flags.Refs.Export: cache.StateInFolder(flags.Folder)}
	case flags.Bucket != nil:
		return cache.QueryBucket(ctx, flags.Refs.Imports, flags.NameInBucket, s3.NewClient(*flags.Bucket))
	}
	return nil
}

// wait waits for the result.
func (q *cacheQuery) wait() knownCaches {
	<-q.done
	return q.known
}

// waitFor waits for the result up to the limit, and returns false if there is none by then.
func (q *cacheQuery) waitFor(limit time.Duration) (knownCaches, bool) {
	select {
	case <-q.done:
		return q.known, true
	case <-time.After(limit):
		return knownCaches{}, false
	}
}

// waitStates waits for the states.
func (q *cacheQuery) waitStates() map[string]cache.State {
	<-q.statesKnown
	return q.known.states
}

// waitRecords waits for the records.
func (q *cacheQuery) waitRecords() map[string]*cache.Record {
	<-q.recordsKnown
	return q.known.records
}

// mountHistory waits for the records, and returns the history of a cache mount from the first that has it.
func (q *cacheQuery) mountHistory(id string) payoff.MountHistory {
	<-q.recordsKnown
	for _, ref := range q.flags.Refs.Imports {
		if history, found := q.known.records[ref].Mount(id); found {
			return history
		}
	}
	return payoff.MountHistory{ID: id}
}

// loadRecords reads the records. It ignores errors, because the import of the cache will report them.
func (q *cacheQuery) loadRecords(ctx context.Context) map[string]*cache.Record {
	records := map[string]*cache.Record{}
	var group sync.WaitGroup
	var lock sync.Mutex
	for _, ref := range q.flags.Refs.Imports {
		store := recordStore(q.flags, ref, q.keychain)
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
	case flags.Bucket != nil:
		return cache.RecordInBucket(flags.NameInBucket(ref), s3.NewClient(*flags.Bucket))
	}
	return nil
}

// nothingNew reports whether the inputs and the stages to keep equal those that produced the cache at Refs.Export.
func (k knownCaches) nothingNew() bool {
	return k.sameInputs() && k.records[k.flags.Refs.Export].LastStageOnly == k.flags.LastStageOnly
}

// lacksStages reports whether the inputs equal those that produced the cache at Refs.Export, which holds only the last
// stage, and the cache is to hold all stages now. A build that used it would run no step of the others.
func (k knownCaches) lacksStages() bool {
	return k.sameInputs() && !k.flags.LastStageOnly && k.records[k.flags.Refs.Export].LastStageOnly
}

// sameInputs reports whether the inputs equal those that produced the cache at Refs.Export.
func (k knownCaches) sameInputs() bool {
	before := k.records[k.flags.Refs.Export]
	if before == nil || !k.inputs.Complete() {
		return false
	}
	state := k.states[k.flags.Refs.Export]
	return state.Kind == cache.KindCache && state.Manifest == before.Manifest && before.Inputs.Equal(k.inputs)
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

// saveRecord checks the cache that the build wrote, and writes its record. If the build wrote no cache but used
// cache mounts, the record of the previous cache gets their histories.
func (b *build) saveRecord(ctx context.Context, built outcome, export exportStatus, mounts []payoff.MountHistory) savedRecord {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(saveTimeout, max(time.Second, b.budget.left())))
	defer cancel()
	known, ref := b.query.wait(), b.flags.Refs.Export
	state := known.states[ref]
	var saved savedRecord
	if export.written() && b.flags.InRegistry {
		state = cache.QueryStates(ctx, []string{ref}, b.signIn.keychain)[ref]
		if state.TooLarge() {
			saved.warnings = append(saved.warnings, fmt.Sprintf("the cache %s describes too many steps for BuildKit to import it (%d bytes): set LAYERCACHE_LAYERS=final, or split the build into several apps (LAYERCACHE_APP)", ref, max(state.ConfigBytes, state.ManifestBytes)))
		}
	}
	if state.Kind == cache.KindCache && b.flags.InRegistry {
		saved.cacheBytes = &state.Bytes
	}
	store := recordStore(b.flags, ref, b.signIn.keychain)
	if store == nil {
		return saved
	}
	before := known.records[ref]
	if b.acting.choseNone() {
		return b.saveWithoutCache(ctx, built, mounts, saved)
	}
	history := b.nextPolicyHistory(built, known, export)
	if built.unchanged && before != nil {
		same := *before
		same.Policy = history
		return b.renewUnchanged(ctx, same, history != before.Policy, store, saved)
	}
	if !export.written() {
		if before != nil && len(mounts) > 0 && b.flags.To != "" {
			same := *before
			same.Mounts = cache.MergeMounts(mounts, before)
			saved.warnings = append(saved.warnings, b.saveWarnings(store.Save(ctx, &same))...)
		}
		return saved
	}
	written := built.export
	next := &cache.Record{
		Version: cache.RecordVersion, Written: time.Now().UTC(), App: b.scope.App, Platform: b.scope.Platform,
		Manifest: written.Manifest, Config: written.Config, Bytes: state.Bytes,
		LastStageOnly: b.flags.LastStageOnly, Inputs: known.inputs,
		Pushed: known.pushed(written.Config), Steps: cache.MergeSteps(built.steps, known.lastRecord()), Images: built.images,
		Mounts: cache.MergeMounts(mounts, known.lastRecord()), Policy: history,
	}
	if b.flags.InRegistry && !state.TooLarge() {
		saved.warnings = append(saved.warnings, b.renewCache(ctx, next)...)
	}
	saved.warnings = append(saved.warnings, b.saveNext(ctx, store, next, before)...)
	saved.sameCache = before != nil && before.Config == written.Config && written.Config != ""
	return saved
}

// saveNext writes the record that follows before, of the cache that this build wrote or chose not to write, and renews its
// mounts. It returns warnings if that fails.
func (b *build) saveNext(ctx context.Context, store cache.RecordStore, next, before *cache.Record) []string {
	_, warnings := b.renewMounts(ctx, next)
	writer := writerOf(b.Request, b.args)
	writer.Arguments = next.Inputs.Arguments
	next.SetWriter(writer, before)
	return append(warnings, b.saveWarnings(store.Save(ctx, next))...)
}

// saveWarnings returns the warning for a record that could not be written.
func (b *build) saveWarnings(err error) []string {
	if err == nil {
		return nil
	}
	return []string{"the record of the cache could not be written, so the next build cannot calculate what the cache saved: " + b.explain(err)}
}

// explain describes an error of the registry of the cache that this build writes, and what to do.
func (b *build) explain(err error) string {
	cause, help := b.signIn.failures.Explain(b.flags.Refs.Export, err.Error())
	return cause + ": " + help.Advice
}
