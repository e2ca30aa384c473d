package cachemount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/go-units"
)

var (
	// errSilent is the cause of a transfer that was ended because the store sent or took too little.
	errSilent = errors.New("the store stopped responding")
	// errBroken is the error of a transfer that ended early.
	errBroken = errors.New("the connection was interrupted")
)

const (
	// minBytesPerSecond is the minimum speed of a store. A slower one counts as not responding.
	minBytesPerSecond = 50_000
	// bytesPerAnswer is how many bytes the begin of an answer counts as.
	bytesPerAnswer = 64 << 10
)

// silence ends a context when a store does not answer for a while, or moves less than minBytesPerSecond.
type silence struct {
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

// silentContext has a deadline that moves on, so that nobody begins a wait that is too long.
type silentContext struct {
	context.Context
	silence *silence
}

func (c silentContext) Deadline() (time.Time, bool) {
	c.silence.lock.Lock()
	defer c.silence.lock.Unlock()
	return c.silence.expires, true
}

func newSilence(ctx context.Context, limit time.Duration) *silence {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &silence{cancel: cancel, limit: limit, expires: time.Now().Add(limit)}
	s.ctx = silentContext{ctx, s}
	s.timer = time.AfterFunc(limit, s.expire)
	return s
}

func (s *silence) expire() {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.bytes > bytesPerAnswer {
		s.cancel(fmt.Errorf("%w fast enough: only %s in %v (LAYERCACHE_CACHE_TIMEOUT)", errSilent, units.HumanSize(float64(s.bytes)), s.limit))
		return
	}
	s.cancel(fmt.Errorf("%w for %v (LAYERCACHE_CACHE_TIMEOUT)", errSilent, s.limit))
}

// heard starts the wait again after an answer.
func (s *silence) heard() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.restart()
}

func (s *silence) restart() {
	s.bytes, s.expires = 0, time.Now().Add(s.limit)
	s.timer.Reset(s.limit)
}

// moved is called after bytes were received or sent.
func (s *silence) moved(bytes int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.bytes += int64(bytes)
	if float64(s.bytes) >= minBytesPerSecond*s.limit.Seconds() {
		s.restart()
	}
}

func (s *silence) stop() {
	s.timer.Stop()
	s.cancel(nil)
}

// explain returns why a transfer that ended with err really ended.
func (s *silence) explain(err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.broken != nil {
		return s.broken
	}
	return err
}

// open opens a blob. More bytes than it should have are an error.
func (s *silence) open(ctx context.Context, store Store, id string, blob Blob) (io.ReadCloser, error) {
	content, err := store.Open(ctx, id, blob)
	if err != nil {
		return nil, err
	}
	s.moved(bytesPerAnswer)
	return &heardReader{content, s, blob.Bytes}, nil
}

type heardReader struct {
	io.ReadCloser
	silence *silence
	left    int64
}

func (h *heardReader) Read(p []byte) (int, error) {
	if cause := context.Cause(h.silence.ctx); cause != nil { // The store may not know of the context.
		return 0, cause
	}
	n, err := h.ReadCloser.Read(p)
	if n > 0 {
		h.silence.moved(n)
	}
	if h.left -= int64(n); h.left < 0 {
		return n, errors.New("a blob is larger than its manifest says")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		h.silence.broke(err)
	}
	return n, err
}

// broke notes the error of a store, which the reader of an archive may replace by its own.
func (s *silence) broke(err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", errBroken, err)
	}
	if s.broken == nil && !errors.Is(err, context.Canceled) {
		s.broken = err
	}
}
