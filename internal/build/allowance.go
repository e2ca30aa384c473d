package build

import (
	"cmp"
	"sync"
	"time"

	"github.com/layercache/layercache/internal/variables"
)

// allowance is what a cache that does not answer may still cost of a build's time: LAYERCACHE_CACHE_TIMEOUT in all, however
// many times it has to be waited for.
type allowance struct {
	total time.Duration
	mutex sync.Mutex
	spent time.Duration
}

// left is never below nothing.
func (a *allowance) left() time.Duration {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return max(0, a.total-a.spent)
}

func (a *allowance) spend(waited time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.spent += waited
}

// cacheTimeout is the setting; settings that were not read from variables may lack it.
func cacheTimeout(s variables.Settings) time.Duration {
	return cmp.Or(s.CacheTimeout, variables.DefaultCacheTimeout)
}
