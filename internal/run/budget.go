package run

import (
	"cmp"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/variables"
)

// waitBudget is how long a build may still wait for a cache that does not answer: LAYERCACHE_CACHE_TIMEOUT in total, however
// often it waits.
type waitBudget struct {
	total time.Duration
	mutex sync.Mutex
	spent time.Duration
}

func newWaitBudget(s variables.Settings) *waitBudget {
	return &waitBudget{total: cacheTimeout(s)}
}

// left is never negative.
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

// cacheTimeout is the setting, or its default in settings that were not read from variables.
func cacheTimeout(s variables.Settings) time.Duration {
	return cmp.Or(s.CacheTimeout, variables.DefaultCacheTimeout)
}
