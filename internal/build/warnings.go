package build

import (
	"fmt"
	"slices"
	"sync"
)

// warnings is trouble that is no reason to end the build. A renewal of the sign-ins may add to it while the build runs.
type warnings struct {
	mutex sync.Mutex
	texts []string
}

func (w *warnings) warn(format string, args ...any) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.texts = append(w.texts, fmt.Sprintf(format, args...))
}

// warned are the warnings so far.
func (w *warnings) warned() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.texts)
}
