package comparison

import (
	"math"
	"sort"
	"time"

	"github.com/layercache/layercache/internal/report"
)

// A step counts as slower or faster if it differs by at least this many seconds and by this share of its
// earlier time.
const (
	noticeableSeconds = 0.5
	noticeableShare   = 0.1
)

// Comparison is the difference between two builds.
type Comparison struct {
	Before BuildFigures `json:"before"`
	After  BuildFigures `json:"after"`
	// Words is the change of the verdict and of the total time in half a sentence.
	Words string `json:"words"`
	// Apps has two names if the builds are of different apps.
	Apps    []string `json:"apps"`
	Figures []Figure `json:"figures"`
	// Lost are steps that were cached only in the earlier build, Gained those that were cached only in the
	// later one.
	Lost   []StepChange `json:"lost"`
	Gained []StepChange `json:"gained"`
	// Slower and Faster are steps that ran in both builds.
	Slower []StepChange `json:"slower"`
	Faster []StepChange `json:"faster"`
	// Added are steps that only the later build has, Removed those that only the earlier one has.
	Added   []StepChange `json:"added"`
	Removed []StepChange `json:"removed"`
}

// BuildFigures are the figures of one build.
type BuildFigures struct {
	Path      string    `json:"path"`
	App       string    `json:"app"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	Verdict   string    `json:"verdict"`
	Line      string    `json:"line"`
	HitRatio  *float64  `json:"hitRatio"`
	Seconds   float64   `json:"seconds"`
	Saved     *float64  `json:"savedSeconds"`
	Overhead  float64   `json:"overheadSeconds"`
	ExitCode  int       `json:"exitCode"`
}

// Figure is one figure of both builds. A value is nil if not known.
type Figure struct {
	Name   string   `json:"name"`
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
}

// StepChange is one step in both builds.
type StepChange struct {
	Place       string `json:"place"`
	Instruction string `json:"instruction"`
	// Before and After are its seconds, nil for a build in which it was cached or does not exist.
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
	// Cause is why the step had to run, if it was the first of its stage that did.
	Cause string `json:"cause,omitempty"`
}

// Compare compares a build with an earlier one.
func Compare(before, after Build) Comparison {
	c := Comparison{
		Before: figuresOf(before), After: figuresOf(after), Words: words(before, after),
		Apps: apps(before, after), Figures: figures(before, after),
		Lost: []StepChange{}, Gained: []StepChange{}, Slower: []StepChange{}, Faster: []StepChange{}, Added: []StepChange{}, Removed: []StepChange{},
	}
	earlierSteps, earlierOrder := stepsByKey(before.Steps)
	steps, order := stepsByKey(after.Steps)
	causes := causesOf(after)
	for _, key := range order {
		step := steps[key]
		earlier, existed := earlierSteps[key]
		change := StepChange{
			Place: key.place, Instruction: key.instruction,
			Before: runSeconds(earlier, existed), After: runSeconds(step, true), Cause: causes[key],
		}
		switch difference := step.Seconds - earlier.Seconds; {
		case !existed:
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
	for _, key := range earlierOrder {
		if _, exists := steps[key]; !exists {
			c.Removed = append(c.Removed, StepChange{Place: key.place, Instruction: key.instruction, Before: runSeconds(earlierSteps[key], true)})
		}
	}
	largestFirst(c.Slower)
	largestFirst(c.Faster)
	return c
}

func figuresOf(build Build) BuildFigures {
	return BuildFigures{
		Path: build.Path, App: build.App, StartedAt: build.StartedAt, Verdict: build.Verdict, Line: build.Line(), HitRatio: build.HitRatio,
		Seconds: build.Seconds.Total, Saved: build.SavedSeconds, Overhead: build.OverheadSeconds, ExitCode: build.ExitCode,
	}
}

// apps returns the different apps of the builds.
func apps(before, after Build) []string {
	if before.App == after.App {
		return []string{after.App}
	}
	return []string{before.App, after.App}
}

// runSeconds returns how long the step ran, nil if it was cached or does not exist.
func runSeconds(step report.Step, exists bool) *float64 {
	if step.Cached || !exists {
		return nil
	}
	return &step.Seconds
}

func noticeable(difference, before float64) bool {
	return math.Abs(difference) >= noticeableSeconds && math.Abs(difference) >= noticeableShare*before
}

// largestFirst sorts changes of steps that ran in both builds.
func largestFirst(changes []StepChange) {
	size := func(i int) float64 { return math.Abs(*changes[i].After - *changes[i].Before) }
	sort.SliceStable(changes, func(i, j int) bool { return size(i) > size(j) })
}

// stepKey identifies a step in both builds. The number distinguishes equal instructions of a stage.
type stepKey struct {
	place, instruction string
	number             int
}

// stepsByKey returns the steps and their order, without FROM, which is never cached.
func stepsByKey(steps []report.Step) (byKey map[stepKey]report.Step, order []stepKey) {
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

// causesOf returns why the first steps of the stages had to run. Of equal instructions it means the first.
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
