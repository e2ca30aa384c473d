package history

import (
	"math"
	"sort"

	"github.com/layercache/layercache/internal/report"
)

// A step counts as slower or faster when it differs by both.
const (
	noticeableSeconds = 0.5
	noticeableShare   = 0.1
)

// Comparison is how a build differs from one before it.
type Comparison struct {
	Before BuildFigures `json:"before"`
	After  BuildFigures `json:"after"`
	// Words say in half a sentence what became of the verdict and of the seconds.
	Words string `json:"words"`
	// Apps has more than one name where the builds are of different apps.
	Apps    []string `json:"apps"`
	Figures []Figure `json:"figures"`
	// Lost were cached before and had to run after; Gained the other way round.
	Lost   []StepChange `json:"lost"`
	Gained []StepChange `json:"gained"`
	// Slower and Faster ran both times.
	Slower []StepChange `json:"slower"`
	Faster []StepChange `json:"faster"`
	// Added are steps of the build after alone, Removed of the one before.
	Added   []StepChange `json:"added"`
	Removed []StepChange `json:"removed"`
}

// Figure is one figure of both builds; nil where it is not known.
type Figure struct {
	Name   string   `json:"name"`
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
}

// StepChange is one step in both builds.
type StepChange struct {
	Place       string `json:"place"`
	Instruction string `json:"instruction"`
	// Before and After are its seconds; nil in a build where it did not run, as it was cached or not there.
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
	// Cause is why a step that lost its cache had to run, where it was the first of its stage.
	Cause string `json:"cause,omitempty"`
}

// Compare compares two builds.
func Compare(before, after Build) Comparison {
	c := Comparison{
		Before: figuresOf(before), After: figuresOf(after), Words: words(before, after), Apps: apps([]Build{before, after}), Figures: figures(before, after),
		Lost: []StepChange{}, Gained: []StepChange{}, Slower: []StepChange{}, Faster: []StepChange{}, Added: []StepChange{}, Removed: []StepChange{},
	}
	old, _ := keyed(before.Steps)
	now, order := keyed(after.Steps)
	causes := causesOf(after)
	for _, key := range order {
		step := now[key]
		earlier, was := old[key]
		change := StepChange{Place: key.place, Instruction: key.instruction, Before: ranFor(earlier, was), After: ranFor(step, true), Cause: causes[key]}
		switch difference := step.Seconds - earlier.Seconds; {
		case !was:
			c.Added = append(c.Added, change)
		case earlier.Cached && !step.Cached:
			c.Lost = append(c.Lost, change)
		case !earlier.Cached && step.Cached:
			c.Gained = append(c.Gained, change)
		case step.Cached || !noticeable(difference, earlier.Seconds):
		case difference > 0:
			c.Slower = append(c.Slower, change)
		default:
			c.Faster = append(c.Faster, change)
		}
	}
	_, oldOrder := keyed(before.Steps)
	for _, key := range oldOrder {
		if _, still := now[key]; !still {
			c.Removed = append(c.Removed, StepChange{Place: key.place, Instruction: key.instruction, Before: ranFor(old[key], true)})
		}
	}
	largestFirst(c.Slower)
	largestFirst(c.Faster)
	return c
}

func ranFor(step report.Step, there bool) *float64 {
	if step.Cached || !there {
		return nil
	}
	return &step.Seconds
}

func noticeable(difference, before float64) bool {
	return math.Abs(difference) >= noticeableSeconds && math.Abs(difference) >= noticeableShare*before
}

// largestFirst sorts changes of steps that ran both times.
func largestFirst(changes []StepChange) {
	by := func(i int) float64 { return math.Abs(*changes[i].After - *changes[i].Before) }
	sort.SliceStable(changes, func(i, j int) bool { return by(i) > by(j) })
}

// stepKey finds the same step in another build. The number tells apart what a stage has more than once.
type stepKey struct {
	place, instruction string
	number             int
}

// keyed leaves FROM out: it comes from no cache.
func keyed(steps []report.Step) (byKey map[stepKey]report.Step, order []stepKey) {
	byKey = map[stepKey]report.Step{}
	for _, step := range steps {
		if step.IsFrom() {
			continue
		}
		key := stepKey{step.Place(), step.Instruction, 0}
		for _, taken := byKey[key]; taken; _, taken = byKey[key] {
			key.number++
		}
		byKey[key] = step
		order = append(order, key)
	}
	return byKey, order
}

// causesOf are why the first steps of the stages had to run; a step that a stage has twice is taken for its first.
func causesOf(build Build) map[stepKey]string {
	causes := map[stepKey]string{}
	for _, miss := range build.FirstMisses() {
		step := build.Steps[miss.Step]
		causes[stepKey{step.Place(), step.Instruction, 0}] = miss.Cause
	}
	return causes
}

func figures(before, after Build) []Figure {
	var all []Figure
	earlier, later := before.Seconds.Parts(), after.Seconds.Parts()
	for i := range earlier {
		all = append(all, Figure{earlier[i].Name, &earlier[i].Seconds, &later[i].Seconds})
	}
	return append(all,
		Figure{"total", &before.Seconds.Total, &after.Seconds.Total},
		Figure{"saved", before.SavedSeconds, after.SavedSeconds},
		Figure{"cache overhead", &before.OverheadSeconds, &after.OverheadSeconds},
		Figure{"hit ratio", before.HitRatio, after.HitRatio},
	)
}
