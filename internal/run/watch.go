package run

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
)

const (
	// pollInterval is the time between two checks of the watch.
	pollInterval = 200 * time.Millisecond
	// exportWait is how long an export may show no progress if the builder's traffic cannot be seen. It is
	// long because BuildKit does not report how much of a layer it has sent.
	exportWait = 5 * time.Minute
)

// errStalled is the cause of a call's cancelled context after the watch ended the call.
var errStalled = errors.New("the cache does not answer")

// errThrottled is the cause of a call's cancelled context after a registry throttled an import.
var errThrottled = errors.New("the cache's registry throttles requests")

// watch follows a call of buildx, and ends it when the build has waited for nothing but the cache for longer
// than the budget.
type watch struct {
	budget    *waitBudget
	interrupt context.CancelCauseFunc
	// waits counts how long BuildKit waits for a registry that throttles.
	waits *throttle.Waits
	// builder is killed together with a call that imports, because BuildKit does not cancel an import. It is
	// nil for a builder that layercache did not create.
	builder *builder.Builder
	// mutex protects the fields below.
	mutex sync.Mutex
	graph *progress.Graph
	// exporting is called once, when all steps have ended and the build exports its result; nil if nobody asks.
	exporting func()
	// ahead is called with each RUN that has a cache mount and will run; nil if nobody asks.
	ahead func(instruction string)
	// mayBeStuck is activeBuilder.mayBeStuck.
	mayBeStuck bool
	// events counts the events of the stream.
	events int
	stall
	// lastRetryError is the last error of a registry that BuildKit logged before it retried.
	lastRetryError string
	// quiet is how long there has been no event while only the stream can be seen. Only the watch's goroutine
	// uses it.
	quiet time.Duration
}

// stall is why the watch ended a call.
type stall struct {
	// awaited is what the call waited for; AwaitsNothing if the watch did not end it.
	awaited progress.Awaited
	// refs are the caches that were being imported.
	refs []string
	// throttled is the error of an import that a registry throttled. The watch ends the call at once, because
	// the build would go on without the cache.
	throttled string
	// retriedError is the last error of the cache that BuildKit logged before it retried.
	retriedError string
}

// eventHandler wraps the display's Event function.
func (w *watch) eventHandler(show func(progress.Event)) func(progress.Event) {
	return func(event progress.Event) {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.events++
		show(event)
		if w.ahead != nil {
			for _, instruction := range w.graph.Ahead(event, "type=cache") {
				w.ahead(instruction)
			}
		}
		if w.exporting != nil && w.graph.IsExporting() {
			w.exporting()
			w.exporting = nil
		}
		w.endIfThrottled(event)
		for _, entry := range event.Logs {
			if ofCache := w.graph.IsCacheWork(entry.Vertex); w.awaited == progress.AwaitsNothing && (ofCache || w.graph.IsImageExport(entry.Vertex)) {
				w.read(entry.Data, ofCache)
			}
		}
	}
}

// eventHandlerOfTargets is eventHandler for a call of bake. The watch sees the call without the names of its targets.
// Cache mounts are saved after the call, because a target may be exported while another still runs steps.
func (w *watch) eventHandlerOfTargets(targets *progress.Targets, show func(progress.Event)) func(progress.Event) {
	w.graph, w.exporting = targets.All, nil
	var original progress.Event
	handle := w.eventHandler(func(event progress.Event) {
		targets.All.Observe(event)
		show(original)
	})
	return func(event progress.Event) {
		original = event
		handle(targets.Split(event))
	}
}

// read reads what BuildKit logs before it repeats a request of the cache or of the image's push: the error, and
// how long it waits.
//
// https://github.com/moby/buildkit/blob/v0.34.2/util/resolver/retryhandler/retry.go
func (w *watch) read(line []byte, ofCache bool) {
	if problem, ok := bytes.CutPrefix(line, []byte("error: ")); ok {
		w.lastRetryError = string(bytes.TrimSpace(problem))
		if ofCache {
			w.retriedError = w.lastRetryError
		}
	}
	if text, ok := bytes.CutPrefix(line, []byte("retrying in ")); ok && errortext.IsThrottled(w.lastRetryError) {
		if wait, err := time.ParseDuration(string(bytes.TrimSpace(text))); err == nil {
			w.waits.Add(wait)
		}
	}
}

// endIfThrottled ends the call if a registry throttled an import and there is time left to wait.
func (w *watch) endIfThrottled(event progress.Event) {
	for _, vertex := range event.Vertexes {
		if w.throttled == "" && w.awaited == progress.AwaitsNothing && progress.IsImport(vertex) && errortext.IsThrottled(vertex.Error) && w.budget.left() > 0 {
			w.throttled = vertex.Error
			w.interrupt(errThrottled)
		}
	}
}

// start watches until stop is called. stop returns why the watch ended the call.
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
					w.endCall(current.awaited)
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

// endCall records what the call waits for, and ends it.
func (w *watch) endCall(awaited progress.Awaited) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.throttled != "" {
		return
	}
	w.awaited = awaited
	for _, attempt := range w.graph.Imports() {
		reading := awaited == progress.AwaitsImport && !attempt.Ended
		fetching := awaited == progress.AwaitsPull && attempt.Ended && attempt.Error == "" && len(w.refs) == 0
		if reading || fetching {
			w.refs = append(w.refs, attempt.Ref)
		}
	}
	if awaited == progress.AwaitsImport && w.builder != nil {
		w.builder.Kill()
	}
	w.interrupt(errStalled)
}

// view is the state of the call at one time.
type view struct {
	awaited progress.Awaited
	// moved is the number of bytes transferred: by the builder if visible, otherwise only those of downloads
	// in the stream.
	moved int64
	// visible is true if the builder's traffic can be seen.
	visible bool
	// events is the number of events so far.
	events int
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
	awaited := w.graph.Awaited()
	if w.mayBeStuck && !hasBegun(w.graph) {
		awaited = awaitsBuilder
	}
	return view{awaited: awaited, moved: moved, visible: visible, events: w.events}
}

// exhausted counts the time since the previous view, and reports whether the time is used up.
func (w *watch) exhausted(before, current view, passed time.Duration) bool {
	moves := float64(current.moved-before.moved) >= cache.MinBytesPerSecond*passed.Seconds()
	limit, hidden := w.quietLimit(current)
	if current.awaited == progress.AwaitsNothing || moves || hidden && current.events != before.events {
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

// quietLimit returns how long the stream may show no event. hidden is true if only the stream can be seen.
func (w *watch) quietLimit(current view) (limit time.Duration, hidden bool) {
	switch {
	case current.awaited == awaitsBuilder:
		return w.budget.total, true
	case current.awaited == progress.AwaitsExport && !current.visible:
		return exportWait, true
	}
	return 0, false
}
