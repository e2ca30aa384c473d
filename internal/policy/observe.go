package policy

import (
	"slices"

	"github.com/layercache/layercache/internal/buildkit/progress"
)

// Step is a step of a build, and what is known of its time.
type Step struct {
	// Inputs are the indexes of the steps whose results it reads.
	Inputs []int
	// Base is true for the FROM of a base image, which has no part in the choice.
	Base bool
	// Kept is true if a cache of all layers has the step, or would have had it.
	Kept bool
	// Last is true for a step of the last stage, or of a stage that it starts from.
	Last bool
	// Seconds is how long it took in this build: its run, or the fetch of its result.
	Seconds float64
	// Run is how long the step takes when it runs; nil if not known.
	Run *float64
	// Fetch is how long its result takes to download and unpack; 0 if not known.
	Fetch float64
}

// Observation is a build that succeeded.
type Observation struct {
	Decision
	// First, Dockerfile, Import, Export and Push are the fields of Build.
	First                bool
	Dockerfile           string
	Import, Export, Push float64
	Steps                []Step
	// KeptKnown is true if Kept is known of each step, also of those that the build did not look for in a cache.
	KeptKnown bool
}

// Build returns what the build showed.
func (o Observation) Build() Build {
	b := Build{
		Choice: o.Choice, Trial: o.Trial, First: o.First, Dockerfile: o.Dockerfile, Import: o.Import, Export: o.Export, Push: o.Push,
		Times: map[Choice]Time{},
	}
	for _, c := range choices {
		if c == Final && !o.severalStages() || c != o.Choice && c != None && !o.KeptKnown {
			continue
		}
		if c == o.Choice {
			b.Times[c] = measured(o.Steps, c)
		} else if time, known := calculated(o.Steps, c); known {
			b.Times[c] = time
		}
	}
	return b
}

// severalStages reports whether there are steps that only a cache of all layers has.
func (o Observation) severalStages() bool {
	for _, step := range o.Steps {
		if !step.Last && !step.Base {
			return true
		}
	}
	return o.Choice == Final
}

// cachedWith reports whether the step comes from the cache.
func (s Step) cachedWith(c Choice) bool {
	return s.Kept && !s.Base && (c == All || c == Final && s.Last)
}

// measured returns how long the steps took with the choice that was in force: the longest chain of steps that wait for
// each other.
func measured(steps []Step, c Choice) Time {
	time := Time{Seconds: longestChain(steps, func(i int) float64 { return steps[i].Seconds })}
	runs, _ := states(steps, c)
	for i := range steps {
		time.Runs = time.Runs || runs(i)
	}
	return time
}

// calculated returns how long the steps take with another choice. It is not known if the time of a step that has to run
// is not.
func calculated(steps []Step, c Choice) (time Time, known bool) {
	runs, present := states(steps, c)
	known = true
	time.Seconds = longestChain(steps, func(i int) float64 {
		step := steps[i]
		switch {
		case runs(i):
			time.Runs = true
		case !present(i):
			return 0
		case !step.Base:
			return step.Fetch
		}
		if step.Run == nil {
			known = false
			return 0
		}
		return *step.Run
	})
	return time, known
}

// states returns two functions on step indexes. runs reports whether a step runs with the choice: it is not cached, and a
// running step needs it or it is the last. present reports whether its result must be on the builder, because a running
// step builds on it.
func states(steps []Step, c Choice) (runs, present func(int) bool) {
	used := make([][]int, len(steps))
	for i, step := range steps {
		for _, input := range step.Inputs {
			used[input] = append(used[input], i)
		}
	}
	runs = memoized(len(steps), func(i int, runs func(int) bool) bool {
		if steps[i].Base || steps[i].cachedWith(c) {
			return false
		}
		return len(used[i]) == 0 || slices.ContainsFunc(used[i], runs)
	})
	present = memoized(len(steps), func(i int, present func(int) bool) bool {
		return runs(i) || slices.ContainsFunc(used[i], present)
	})
	return runs, present
}

func longestChain(steps []Step, cost func(int) float64) float64 {
	return progress.LongestChain(len(steps), func(i int) []int { return steps[i].Inputs }, cost)
}

// memoized returns calculate as a function that calculates each value once. It may ask for other values. A step never
// depends on itself.
func memoized[T any](count int, calculate func(i int, other func(int) T) T) func(int) T {
	values, done := make([]T, count), make([]bool, count)
	var get func(int) T
	get = func(i int) T {
		if !done[i] {
			done[i] = true
			values[i] = calculate(i, get)
		}
		return values[i]
	}
	return get
}
