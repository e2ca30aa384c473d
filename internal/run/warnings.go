package run

import (
	"fmt"
	"slices"
	"sync"
)

// warnings collects problems that do not end the build. The renewal of the sign-ins may add some while the
// build runs.
type warnings struct {
	mutex sync.Mutex
	texts []string
}

func (w *warnings) warn(format string, args ...any) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.texts = append(w.texts, fmt.Sprintf(format, args...))
}

// all returns the warnings so far.
func (w *warnings) all() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.texts)
}
