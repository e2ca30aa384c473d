package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

// seen is the change in one second: what the build waits for, the bytes transferred, and whether there was an event.
type seen struct {
	waitsFor progress.Awaited
	moved    int64
	event    bool
}

func TestOnlyWaitingUsesTheBudget(t *testing.T) {
	idle, importing, pulling := seen{waitsFor: progress.AwaitsNothing}, seen{waitsFor: progress.AwaitsImport}, seen{waitsFor: progress.AwaitsPull}
	repeated := func(n int, one seen) (list []seen) {
		for range n {
			list = append(list, one)
		}
		return list
	}
	cases := []struct {
		name    string
		looks   []seen
		hidden  bool
		stopped bool
	}{
		{"a build that does not wait may take any time", repeated(100, idle), false, false},
		{"an import without an answer", repeated(10, importing), false, true},
		{"an import that ends in time", append(repeated(9, importing), repeated(9, idle)...), false, false},
		{"waits add up", append(append(repeated(5, importing), idle), repeated(5, pulling)...), false, true},
		{"a pull at a kilobyte a second", repeated(10, seen{progress.AwaitsPull, 1024, true}), false, true},
		{"a pull at a megabyte a second", repeated(100, seen{progress.AwaitsPull, 1 << 20, true}), false, false},
		{"an export that cannot be seen has more time", repeated(299, seen{waitsFor: progress.AwaitsExport}), true, false},
		{"an export that cannot be seen has a limit", repeated(300, seen{waitsFor: progress.AwaitsExport}), true, true},
		{"every event of the stream restarts that limit", repeated(1000, seen{waitsFor: progress.AwaitsExport, event: true}), true, false},
		{"an import that cannot be seen has the usual time", repeated(10, importing), true, true},
		{"a stuck builder has the whole budget", repeated(9, seen{waitsFor: awaitsBuilder}), true, false},
		{"a stuck builder has no more than the budget", repeated(10, seen{waitsFor: awaitsBuilder}), true, true},
		{"time spent waiting for the cache does not count for a stuck builder", append(repeated(9, importing), repeated(9, seen{waitsFor: awaitsBuilder})...), true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &watch{budget: &waitBudget{total: 10 * time.Second}}
			before, stopped := view{visible: !c.hidden}, false
			for _, look := range c.looks {
				current := before
				current.waitsFor = look.waitsFor
				current.moved += look.moved
				if look.event {
					current.events++
				}
				stopped = w.exhausted(before, current, time.Second)
				before = current
			}
			assert.Equal(t, c.stopped, stopped)
		})
	}
}
