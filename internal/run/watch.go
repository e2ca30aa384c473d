package run

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/progress"
)

const (
	// minCacheBytesPerSecond is how fast a cache has to be, in either direction; slower counts as waiting.
	minCacheBytesPerSecond = 50_000
	// pollInterval is how often the watch looks.
	pollInterval = 200 * time.Millisecond
	// exportWait is how long an export may show no progress where the builder's traffic cannot be seen: BuildKit does not report
	// how much of a layer it has sent.
	exportWait = 5 * time.Minute
)

// errStalled is why a call of buildx was ended.
var errStalled = errors.New("the cache does not answer")

// watch follows a call of buildx, and ends it when the build has waited for nothing but the cache for longer than the budget.
type watch struct {
	budget    *waitBudget
	interrupt context.CancelCauseFunc
	// builder is ended with a call that imports, because BuildKit does not cancel an import. It is nil for a builder that others
	// manage.
	builder *builder.Builder
	// mutex protects the fields below.
	mutex sync.Mutex
	graph *progress.Graph
	// mayBeStuck is true for a builder that others manage and that reads a cache that stopped responding.
	mayBeStuck bool
	// events counts the events of the stream.
	events int
	stall
	// quiet is how long an export that cannot be seen, or a builder that may be stuck, has shown no event. Only the watch itself uses it.
	quiet time.Duration
}

// stall is why the watch ended a call.
type stall struct {
	// waitedFor is what did not answer in the end; AwaitsNothing where the watch did not end the call.
	waitedFor progress.Awaited
	// refs are the caches that were being read.
	refs []string
	// complaint is the cache's last error after which BuildKit tried again.
	complaint string
}

// observe wraps the display's Event.
func (w *watch) observe(show func(progress.Event)) func(progress.Event) {
	return func(event progress.Event) {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.events++
		show(event)
		for _, entry := range event.Logs {
			if problem, ok := bytes.CutPrefix(entry.Data, []byte("error: ")); ok && w.waitedFor == progress.AwaitsNothing && w.graph.OfCache(entry.Vertex) {
				w.complaint = string(bytes.TrimSpace(problem))
			}
		}
	}
}

// start watches until stop is called, which returns why the call was ended.
func (w *watch) start() (stop func() stall) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(pollInterval)
		defer ticker.Stop()
		last, before := time.Now(), w.look()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				current := w.look()
				if w.exhausted(before, current, now.Sub(last)) {
					w.endCall(current.waitsFor)
					return
				}
				last, before = now, current
			}
		}
	}()
	return func() stall {
		close(done)
		<-ended
		return w.stall
	}
}

// endCall notes what is waited for, and ends the call.
func (w *watch) endCall(waitsFor progress.Awaited) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.waitedFor = waitsFor
	for _, attempt := range w.graph.Imports() {
		reading := waitsFor == progress.AwaitsImport && !attempt.Ended
		fetching := waitsFor == progress.AwaitsPull && attempt.Ended && attempt.Error == "" && len(w.refs) == 0
		if reading || fetching {
			w.refs = append(w.refs, attempt.Ref)
		}
	}
	if waitsFor == progress.AwaitsImport && w.builder != nil {
		w.builder.Kill()
	}
	w.interrupt(errStalled)
}

// view is what the watch sees at one moment.
type view struct {
	waitsFor progress.Awaited
	// moved are the bytes that the builder has moved, as far as they can be seen.
	moved   int64
	visible bool
	events  int
}

func (w *watch) look() view {
	var moved int64
	visible := false
	if w.builder != nil {
		moved, visible = w.builder.Traffic()
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !visible {
		_, _, moved = w.graph.Fetched()
	}
	waitsFor := w.graph.Awaited()
	if w.mayBeStuck && !hasBegun(w.graph) {
		waitsFor = awaitsBuilder
	}
	return view{waitsFor: waitsFor, moved: moved, visible: visible, events: w.events}
}

// exhausted counts the time since the view before, and reports whether no more time is left.
func (w *watch) exhausted(before, current view, passed time.Duration) bool {
	moves := float64(current.moved-before.moved) >= minCacheBytesPerSecond*passed.Seconds()
	limit, hidden := w.quietLimit(current)
	if current.waitsFor == progress.AwaitsNothing || moves || hidden && current.events != before.events {
		w.quiet = 0
		return false
	}
	if hidden {
		w.quiet += passed
		return w.quiet >= limit
	}
	w.budget.spend(passed)
	return w.budget.left() == 0
}

// quietLimit is how long the stream may show no event, where only the stream can be seen.
func (w *watch) quietLimit(current view) (limit time.Duration, hidden bool) {
	switch {
	case current.waitsFor == awaitsBuilder:
		return w.budget.total, true
	case current.waitsFor == progress.AwaitsExport && !current.visible:
		return exportWait, true
	}
	return 0, false
}
