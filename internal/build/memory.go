package build

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/layercache/layercache/internal/cacheflags"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/record"
	"github.com/layercache/layercache/internal/report"
)

const (
	// rememberTimeout bounds what the registry is asked after the build.
	rememberTimeout = 5 * time.Second
	// patience is how long a build waits to learn that there is nothing new to export; without the answer it exports.
	patience = 300 * time.Millisecond
)

// memory is what is known of the caches before the build, and of what the build is given.
type memory struct {
	cache    cacheflags.Flags
	states   map[string]cachestate.State
	records  map[string]*record.Record
	inputs   record.Inputs
	keychain authn.Keychain
	// probed is closed when the states are in, complete when all is.
	probed, complete chan struct{}
}

// recall asks for all at once, and does not wait for the answers.
func recall(ctx context.Context, cache cacheflags.Flags, timeout time.Duration, keychain authn.Keychain, inputs <-chan record.Inputs) *memory {
	m := &memory{
		cache: cache, records: map[string]*record.Record{}, keychain: keychain,
		probed: make(chan struct{}), complete: make(chan struct{}),
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	go func() {
		defer close(m.probed)
		if cache.InRegistry {
			m.states = cachestate.Query(ctx, cache.Refs.Imports, keychain)
		}
	}()
	go func() {
		defer close(m.complete)
		defer cancel()
		m.load(ctx)
		m.inputs = <-inputs
		<-m.probed
	}()
	return m
}

// load reads the records. A registry that cannot be read says so when the cache is imported.
func (m *memory) load(ctx context.Context) {
	var group sync.WaitGroup
	var lock sync.Mutex
	for _, ref := range m.cache.Refs.Imports {
		store := m.store(ref)
		if store == nil {
			continue
		}
		group.Go(func() {
			if r, err := store.Load(ctx); err == nil && r != nil {
				lock.Lock()
				m.records[ref] = r
				lock.Unlock()
			}
		})
	}
	group.Wait()
}

// store is where the record of a cache is; nil where the cache's kind has no place for one.
func (m *memory) store(ref string) record.Store {
	switch {
	case m.cache.InRegistry:
		return record.InRegistry(cacheref.RecordRef(ref), m.keychain)
	case m.cache.Folder != "":
		return record.InFolder(m.cache.Folder)
	}
	return nil
}

// nothingNew says that the build is given just what the one was given that wrote the cache which it would write.
func (m *memory) nothingNew() bool {
	before := m.records[m.cache.Refs.Export]
	if before == nil || !m.inputs.Complete() {
		return false
	}
	state := m.states[m.cache.Refs.Export]
	return state.Kind == cachestate.Cache && state.Manifest == before.Manifest && reflect.DeepEqual(before.Inputs, m.inputs)
}

// remembered is how long each step took when it last ran, by what any of the caches knows.
func (m *memory) remembered(steps []progress.Step) []*float64 {
	known := make([]*float64, len(steps))
	for i, step := range steps {
		for _, ref := range m.cache.Refs.Imports {
			if seconds, ok := m.records[ref].Seconds(step); ok {
				known[i] = &seconds
				break
			}
		}
	}
	return known
}

// last is the record that a new one goes on from.
func (m *memory) last() *record.Record {
	for _, ref := range m.cache.Refs.Imports {
		if r := m.records[ref]; r != nil {
			return r
		}
	}
	return nil
}

// remember looks at the cache that the build wrote, and writes its record. What goes wrong is a warning.
func (m *memory) remember(ctx context.Context, scope cacheref.Scope, r *report.Report, steps []progress.Step, export progress.Export) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberTimeout)
	defer cancel()
	ref := m.cache.Refs.Export
	state := m.states[ref]
	if r.Exported == "yes" && m.cache.InRegistry {
		state = cachestate.Query(ctx, []string{ref}, m.keychain)[ref]
		if state.TooLarge() {
			r.Warnings = append(r.Warnings, fmt.Sprintf("the cache %s describes so many steps (%d bytes) that BuildKit will refuse to read it: set LAYERCACHE_LAYERS=final, or give the parts of the build apps of their own", ref, max(state.ConfigBytes, state.ManifestBytes)))
		}
	}
	if state.Kind == cachestate.Cache {
		r.Cost.CacheBytes = &state.Bytes
	}
	store := m.store(ref)
	if r.Exported != "yes" || store == nil {
		return
	}
	next := &record.Record{
		Version: record.Version, Written: time.Now().UTC(), App: scope.App, Platform: scope.Platform,
		Manifest: export.Manifest, Config: export.Config, Bytes: state.Bytes, Inputs: m.inputs, Steps: record.MergeSteps(steps, m.last()),
	}
	if err := store.Save(ctx, next); err != nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("what the cached steps take could not be remembered: %v", err))
	}
	if before := m.records[ref]; before != nil && before.Config == export.Config && export.Config != "" {
		r.Exported = "unchanged"
	}
}
