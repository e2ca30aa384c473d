package scenarios

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/verdict"
)

var (
	applications = flag.Int("applications", 8, "random applications of TestCausesOfRandomChanges, each with some changes")
	seed         = flag.Uint64("seed", 1, "the first random application of TestCausesOfRandomChanges")
)

// changesOfEach is the number of changes that each application is built with.
const changesOfEach = 6

// TestCausesOfRandomChanges builds random applications, changes one thing in each, and builds again: the cause that
// the report names must be the change. Some changes come with others that no step reads, which the cause must not
// name.
func TestCausesOfRandomChanges(t *testing.T) {
	tally := &tally{counts: map[string]int{}}
	t.Run("applications", func(t *testing.T) {
		for i := range *applications {
			number := *seed + uint64(i)
			t.Run(fmt.Sprint(number), func(t *testing.T) {
				t.Parallel()
				tryChanges(t, number, tally)
			})
		}
	})
	t.Log(tally)
	assert.Zero(t, tally.counts[outcomeUnknown], "changes whose cause is not known")
	assert.Greater(t, tally.counts[outcomeNamed], 2*tally.counts[outcomeNone], "changes that had an effect")
}

// The outcomes of a change.
const (
	outcomeNamed   = "named"
	outcomeNone    = "without effect"
	outcomeUnknown = "unknown"
	outcomeWrong   = "wrong"
)

type tally struct {
	lock   sync.Mutex
	counts map[string]int
}

func (t *tally) add(outcome string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.counts[outcome]++
}

func (t *tally) String() string {
	return fmt.Sprintf("changes: %d named, %d without effect, %d unknown, %d wrong",
		t.counts[outcomeNamed], t.counts[outcomeNone], t.counts[outcomeUnknown], t.counts[outcomeWrong])
}

func tryChanges(t *testing.T, number uint64, tally *tally) {
	random := rand.New(rand.NewPCG(number, 0))
	app := randomApp(random)
	w := newMachine(t)
	w.lay(app)
	first := w.build()
	require.Zero(t, first.ExitCode, "%s", app)
	w.env["LAYERCACHE_WRITE"] = "false"
	for range changesOfEach {
		changed := app.clone()
		want := changed.change(random)
		decoy := random.IntN(3) == 0
		if decoy {
			changed.files["decoy.md"], changed.args["DECOY"] = "changed\n", "2"
		}
		w.lay(changed)
		got := w.build()
		outcome, cause := judge(got, want)
		tally.add(outcome)
		explain := fmt.Sprintf("want %q, got %q\nbefore:\n%s\nafter:\n%s", want, cause, app, changed)
		assert.Zero(t, got.ExitCode, explain)
		assert.NotEqual(t, outcomeWrong, outcome, explain)
		assert.NotEqual(t, outcomeUnknown, outcome, explain)
		assert.NotContains(t, strings.ToLower(cause), "decoy", explain)
	}
}

// judge compares the cause of the first miss with the wanted one.
func judge(got *report.Report, want string) (outcome, cause string) {
	if got.Verdict == verdict.Used {
		return outcomeNone, ""
	}
	for _, miss := range got.Misses {
		if !strings.Contains(miss.Cause, "which had to run") {
			cause = miss.Cause
			break
		}
	}
	switch {
	case want != "" && strings.Contains(cause, want):
		return outcomeNamed, cause
	case strings.Contains(cause, "has no result of it"):
		return outcomeUnknown, cause
	}
	return outcomeWrong, cause
}

// lay replaces the application on the machine.
func (w *machine) lay(app *randomised) {
	w.t.Helper()
	require.NoError(w.t, os.RemoveAll(w.app))
	for path, content := range app.files {
		w.write(path, content)
	}
	for path, mode := range app.modes {
		require.NoError(w.t, os.Chmod(filepath.Join(w.app, path), mode))
	}
	w.write("Dockerfile", app.dockerfile())
	w.args = nil
	for _, name := range []string{"DECOY", "VERSION", "COLOUR"} {
		w.args = append(w.args, "--build-arg="+name+"="+app.args[name])
	}
}
