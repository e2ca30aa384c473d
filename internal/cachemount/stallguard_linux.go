package cachemount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/go-units"

	"github.com/layercache/layercache/internal/cache"
)

var (
	// errStalled is the cause of a transfer that was ended because the store sent or took too little.
	errStalled = errors.New("the store stopped responding")
	// errBroken is the error of a transfer that ended early.
	errBroken = errors.New("the connection was interrupted")
)

// bytesPerAnswer is how many bytes the begin of an answer counts as.
const bytesPerAnswer = 64 << 10

// stallGuard ends a context when a store does not answer for a while, or moves less than cache.MinBytesPerSecond.
type stallGuard struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer

	lock sync.Mutex
	// expires is when the context ends, bytes what was moved since the timer was set.
	expires time.Time
	bytes   int64
	// broken is the first error of reading a blob.
	broken error
}

// stallContext has a deadline that moves on, so that nobody begins a wait that is too long.
type stallContext struct {
	context.Context
	guard *stallGuard
}

func (c stallContext) Deadline() (time.Time, bool) {
	c.guard.lock.Lock()
	defer c.guard.lock.Unlock()
	return c.guard.expires, true
}

func newStallGuard(ctx context.Context, limit time.Duration) *stallGuard {
	ctx, cancel := context.WithCancelCause(ctx)
	g := &stallGuard{cancel: cancel, limit: limit, expires: time.Now().Add(limit)}
	g.ctx = stallContext{ctx, g}
	g.timer = time.AfterFunc(limit, g.expire)
	return g
}

func (g *stallGuard) expire() {
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.bytes > bytesPerAnswer {
		g.cancel(fmt.Errorf("%w fast enough: only %s in %v (LAYERCACHE_CACHE_TIMEOUT)", errStalled, units.HumanSize(float64(g.bytes)), g.limit))
		return
	}
	g.cancel(fmt.Errorf("%w for %v (LAYERCACHE_CACHE_TIMEOUT)", errStalled, g.limit))
}

// reset starts the wait again after an answer.
func (g *stallGuard) reset() {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.restart()
}

func (g *stallGuard) restart() {
	g.bytes, g.expires = 0, time.Now().Add(g.limit)
	g.timer.Reset(g.limit)
}

// addBytes is called after bytes were received or sent.
func (g *stallGuard) addBytes(bytes int) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.bytes += int64(bytes)
	if float64(g.bytes) >= cache.MinBytesPerSecond*g.limit.Seconds() {
		g.restart()
	}
}

func (g *stallGuard) stop() {
	g.timer.Stop()
	g.cancel(nil)
}

// explain returns why a transfer that ended with err really ended.
func (g *stallGuard) explain(err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(g.ctx); cause != nil {
		return cause
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.broken != nil {
		return g.broken
	}
	return err
}

// open opens a blob. More bytes than it should have are an error.
func (g *stallGuard) open(ctx context.Context, store Store, id string, blob Blob) (io.ReadCloser, error) {
	content, err := store.Open(ctx, id, blob)
	if err != nil {
		return nil, err
	}
	g.addBytes(bytesPerAnswer)
	return &guardedReader{content, g, blob.Bytes}, nil
}

type guardedReader struct {
	io.ReadCloser
	guard *stallGuard
	left  int64
}

func (h *guardedReader) Read(p []byte) (int, error) {
	if cause := context.Cause(h.guard.ctx); cause != nil { // The store may not know of the context.
		return 0, cause
	}
	n, err := h.ReadCloser.Read(p)
	if n > 0 {
		h.guard.addBytes(n)
	}
	if h.left -= int64(n); h.left < 0 {
		return n, errors.New("a blob is larger than its manifest says")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		h.guard.noteError(err)
	}
	return n, err
}

// noteError notes the error of a store, which the reader of an archive may replace by its own.
func (g *stallGuard) noteError(err error) {
	g.lock.Lock()
	defer g.lock.Unlock()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", errBroken, err)
	}
	if g.broken == nil && !errors.Is(err, context.Canceled) {
		g.broken = err
	}
}
