package build

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/builder"
	"github.com/layercache/layercache/internal/progress"
)

const (
	// slowest is how many bytes a second a cache has to send or take, lest the time count as waiting.
	slowest = 50_000
	// glance is how often the watch looks.
	glance = 200 * time.Millisecond
	// unseen is how long an export may show no progress where the builder's traffic cannot be seen: BuildKit does not tell
	// how much of a layer it has sent.
	unseen = 5 * time.Minute
)

// errStalled is why a call of buildx was ended.
var errStalled = errors.New("the cache does not answer")

// watch follows a call of buildx, and ends it when the build has waited for the cache, and for nothing else, for longer than
// is allowed in all.
type watch struct {
	allowance *allowance
	interrupt context.CancelCauseFunc
	// builder may be ended with the call: one that imports does not hear that nobody waits any more. It is nil where it is not
	// ours.
	builder *builder.Builder
	// mutex keeps the graph as it is while the watch looks at it.
	mutex sync.Mutex
	graph *progress.Graph
	// mayBeHeld says that the builder may do nothing at all, as it is not ours and reads a cache that fell silent.
	mayBeHeld bool
	// events counts what the stream has said, quiet is how long an export that cannot be seen, or a builder that may be held
	// up, has said nothing.
	events int
	quiet  time.Duration
	stall
}

// stall is what a call was ended for.
type stall struct {
	// awaited is what was waited for in the end; nothing where the call ended by itself.
	awaited progress.Awaited
	// refs are the caches that were being read.
	refs []string
	// complaint is the last error of the cache that BuildKit tried again after.
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
			if problem, ok := bytes.CutPrefix(entry.Data, []byte("error: ")); ok && w.awaited == progress.AwaitsNothing && w.graph.OfCache(entry.Vertex) {
				w.complaint = string(bytes.TrimSpace(problem))
			}
		}
	}
}

// over watches until it is told to end.
func (w *watch) over() (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(glance)
		defer ticker.Stop()
		last, before := time.Now(), w.look()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				current := w.look()
				if w.exhausted(before, current, now.Sub(last)) {
					w.stop(current.awaited)
					return
				}
				last, before = now, current
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// stop notes what is waited for, and ends the call.
func (w *watch) stop(awaited progress.Awaited) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
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

// sight is what there is to see at one moment.
type sight struct {
	awaited progress.Awaited
	// moved are the bytes that the builder has moved, as far as visible.
	moved   int64
	visible bool
	events  int
}

func (w *watch) look() sight {
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
	if w.mayBeHeld && !begun(w.graph) {
		awaited = awaitsBuilder
	}
	return sight{awaited: awaited, moved: moved, visible: visible, events: w.events}
}

// exhausted counts the time since the look before, and says that no more may pass.
func (w *watch) exhausted(before, current sight, passed time.Duration) bool {
	moves := float64(current.moved-before.moved) >= slowest*passed.Seconds()
	patience, hidden := w.patience(current)
	if current.awaited == progress.AwaitsNothing || moves || hidden && current.events != before.events {
		w.quiet = 0
		return false
	}
	if hidden {
		w.quiet += passed
		return w.quiet >= patience
	}
	w.allowance.spend(passed)
	return w.allowance.left() == 0
}

// patience is how long the stream may say nothing, where there is nothing but the stream to see.
func (w *watch) patience(current sight) (quiet time.Duration, hidden bool) {
	switch {
	case current.awaited == awaitsBuilder:
		return w.allowance.total, true
	case current.awaited == progress.AwaitsExport && !current.visible:
		return unseen, true
	}
	return 0, false
}
