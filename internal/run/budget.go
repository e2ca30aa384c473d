package run

import (
	"cmp"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/variables"
)

// waitBudget is the time that a build may still wait for caches that do not answer. All waits together may
// take LAYERCACHE_CACHE_TIMEOUT.
type waitBudget struct {
	total time.Duration
	mutex sync.Mutex
	spent time.Duration
}

func newWaitBudget(s variables.Settings) *waitBudget {
	return &waitBudget{total: cacheTimeout(s)}
}

// left returns the remaining time. It is never negative.
func (b *waitBudget) left() time.Duration {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return max(0, b.total-b.spent)
}

func (b *waitBudget) spend(waited time.Duration) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.spent += waited
}

// cacheTimeout returns the setting, or its default if the settings were not read from variables.
func cacheTimeout(s variables.Settings) time.Duration {
	return cmp.Or(s.CacheTimeout, variables.DefaultCacheTimeout)
}
