package throttle

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// Waits measures how long a build waits because of throttling. Its methods may be called on nil.
type Waits struct {
	// Say writes a line to the log.
	Say func(format string, args ...any)

	mutex sync.Mutex
	// announced is when the last wait for each server ends, until when the last of all waits ends.
	announced map[string]time.Time
	until     time.Time
	total     time.Duration
}

// Announce logs a wait that begins now, unless one for the same server is in progress, and adds it to the
// total.
func (w *Waits) Announce(server, reason string, wait time.Duration) {
	if w == nil {
		return
	}
	w.mutex.Lock()
	isNew := !time.Now().Before(w.announced[server])
	if w.announced == nil {
		w.announced = map[string]time.Time{}
	}
	w.announced[server] = time.Now().Add(wait)
	w.mutex.Unlock()
	if isNew {
		w.Say("registry throttled: waiting %s for %s (%s)", rounded(wait), server, reason)
	}
	w.Add(wait)
}

// Add adds a wait that begins now to the total. Waits at the same time count once.
func (w *Waits) Add(wait time.Duration) {
	if w == nil {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	begin, end := time.Now(), time.Now().Add(wait)
	if begin.Before(w.until) {
		begin = w.until
	}
	if end.After(begin) {
		w.total += end.Sub(begin)
		w.until = end
	}
}

// End ends the waits in progress early.
func (w *Waits) End() {
	if w == nil {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if now := time.Now(); now.Before(w.until) {
		w.total -= w.until.Sub(now)
		w.until = now
	}
}

// Total returns how long the build waited.
func (w *Waits) Total() time.Duration {
	if w == nil {
		return 0
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.total
}

// rounded returns a wait in seconds, such as "1 s" or "0.5 s".
func rounded(wait time.Duration) string {
	return strconv.FormatFloat(wait.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

type waitsKey struct{}

// NewContext returns a context whose requests add to waits.
func NewContext(ctx context.Context, waits *Waits) context.Context {
	return context.WithValue(ctx, waitsKey{}, waits)
}

// FromContext returns the Waits in ctx, or nil.
func FromContext(ctx context.Context) *Waits {
	waits, _ := ctx.Value(waitsKey{}).(*Waits)
	return waits
}
