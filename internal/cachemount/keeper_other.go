//go:build !linux

package cachemount

import (
	"context"
	"time"

	"github.com/layercache/layercache/internal/cache"
)

// Session is never used: only Linux has the native builder, whose mounts can be kept.
type Session struct{}

// NewSession returns a session that keeps nothing.
func NewSession(Options) *Session { return &Session{} }

// BeforeStep does nothing.
func (*Session) BeforeStep(context.Context, []Mount) {}

// MountsUnknown does nothing.
func (*Session) MountsUnknown(error) {}

// WhyMountsUnknown returns nil.
func (*Session) WhyMountsUnknown() error { return nil }

// Renew does nothing.
func Renew(context.Context, Store, string, time.Duration) (next time.Time, err error) {
	return time.Now().Add(cache.RenewAfter), nil
}

// AfterStep does nothing.
func (*Session) AfterStep([]Mount, time.Time, time.Duration, bool) {}

// Save does nothing.
func (*Session) Save(context.Context) {}

// Results returns nothing.
func (*Session) Results() []Result { return nil }

// Prefetch does nothing.
func (*Session) Prefetch(context.Context, string) {}
