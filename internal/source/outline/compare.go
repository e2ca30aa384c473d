package outline

import (
	"fmt"
	"slices"
	"strings"
)

// Cause is why a step has no counterpart in the previous build.
type Cause struct {
	// Text follows "because".
	Text string
	// Files is true if the files that the step takes from the build context differ, which Text does not say. Selections
	// has these files.
	Files      bool
	Selections []Selection
	// Of is the instruction that the cause is about, if it is not the step itself.
	Of string
	// Arguments are the build arguments that changed, if they are the cause.
	Arguments []string
}

// Compare explains why a step of now could not be taken from a cache of before. cached reports whether a step of now
// came from the cache. ok is false if the outlines do not show it.
func Compare(before, now *Outline, at Place, cached func(Place) bool) (cause Cause, ok bool) {
	return newComparison(before, now, cached).explain(at, nil)
}

// Changed reports whether no step of before has the text of the step and reads the same.
func Changed(before, now *Outline, at Place) bool {
	c := newComparison(before, now, func(Place) bool { return false })
	step := now.Step(at)
	for i := range before.Stages {
		for k := range before.Stages[i].Steps {
			old := &before.Stages[i].Steps[k]
			if !sameText(old, step) {
				continue
			}
			if _, differs := c.inputs(old, step, nil); !differs {
				return false
			}
		}
	}
	return true
}

// ChangedStep is Changed for a step of BuildKit's progress. found is false if it is not certain which step it is.
func (o *Outline) ChangedStep(before *Outline, stage string, index int, instruction string) (changed, found bool) {
	place, found := o.Locate(stage, index, instruction)
	return found && Changed(before, o, place), found
}

type comparison struct {
	before, now *Outline
	cached      func(Place) bool
	// pairs has the index of the stage of before for each stage of now.
	pairs []int
}

func newComparison(before, now *Outline, cached func(Place) bool) comparison {
	c := comparison{before: before, now: now, cached: cached}
	c.pairs = c.counterparts()
	return c
}

// chain is the steps from the base image to the end of a stage.
type chain struct {
	base string
	// context is the --build-context that replaces the base image.
	context string
	steps   []Place
}

func (o *Outline) chain(stage int) chain {
	s := o.Stages[stage]
	c := chain{base: s.Base}
	if s.Context != "" {
		c.context = s.Context
	}
	if s.Parent >= 0 {
		c = o.chain(s.Parent)
	}
	for i := range s.Steps {
		c.steps = append(c.steps, Place{stage, i})
	}
	return c
}

// explain explains a step. stages are the pairs of stages that are being compared already.
func (c comparison) explain(at Place, stages []int) (Cause, bool) {
	old := c.counterpart(at.Stage)
	if old < 0 {
		return Cause{Text: "its stage is new"}, true
	}
	if !c.before.Stages[old].Built {
		return Cause{Text: "the previous build did not need its stage"}, true
	}
	now, before := c.now.chain(at.Stage), c.before.chain(old)
	last := slices.Index(now.steps, at)
	step := c.now.Step(at)
	if step.Link {
		return c.explainAlone(step, before, last, stages)
	}
	if cause, differs := baseChanged(before, now, "the base image"); differs {
		return cause, true
	}
	var skipped *Cause
	for i := 0; i <= last; i++ {
		cause, differs := c.differenceAt(now, before, i, stages)
		if !differs {
			continue
		}
		if i < last {
			cause.Of = c.now.Step(now.steps[i]).Text
			if c.cached(now.steps[i]) && i < len(before.steps) && !c.moved(now, before, i) {
				if skipped == nil {
					skipped = &cause
				}
				continue // BuildKit found it in the cache, so the difference does not count.
			}
		}
		return cause, true
	}
	if skipped != nil {
		return *skipped, true
	}
	return Cause{}, false
}

// baseChanged compares the base images, which the cause calls image.
func baseChanged(before, now chain, image string) (Cause, bool) {
	switch {
	case now.base == before.base && now.context == before.context:
		return Cause{}, false
	case now.context == "" && before.context == "":
		return Cause{Text: fmt.Sprintf("%s changed from %s to %s", image, before.base, now.base)}, true
	case now.context == before.context:
		return Cause{Text: "--build-context " + now.context + " changed"}, true
	case now.context == "":
		return Cause{Text: image + " does not come from --build-context " + before.context + " any more"}, true
	}
	return Cause{Text: image + " now comes from --build-context " + now.context}, true
}

// BaseContext returns the --build-context that replaces the base image of the step; empty if none does.
func (o *Outline) BaseContext(at Place) string { return o.chain(at.Stage).context }

// moved reports whether the step at i, or the one that was there, is elsewhere in the other chain.
func (c comparison) moved(now, before chain, i int) bool {
	return c.find(c.before, before, i, c.now.Step(now.steps[i])) >= 0 || c.find(c.now, now, i, c.before.Step(before.steps[i])) >= 0
}

// explainAlone explains a step that does not depend on those above it.
func (c comparison) explainAlone(step *Step, before chain, index int, stages []int) (Cause, bool) {
	for i := range before.steps {
		if old := c.before.Step(before.steps[i]); sameText(old, step) {
			return c.inputs(old, step, stages)
		}
	}
	if index < len(before.steps) && c.before.Step(before.steps[index]).Keyword == step.Keyword {
		return textChanged(c.before.Step(before.steps[index])), true
	}
	return Cause{Text: "it is a new step"}, true
}

func sameText(a, b *Step) bool { return a.Keyword == b.Keyword && a.Written == b.Written }

func textChanged(old *Step) Cause {
	return Cause{Text: "its text changed (was " + Short(old.Text) + ")"}
}

// find returns the index after from of the step with the same text, or -1.
func (c comparison) find(o *Outline, in chain, from int, step *Step) int {
	for i := from + 1; i < len(in.steps); i++ {
		if sameText(o.Step(in.steps[i]), step) {
			return i
		}
	}
	return -1
}

// differenceAt compares the steps at index i of both chains.
func (c comparison) differenceAt(now, before chain, i int, stages []int) (Cause, bool) {
	step := c.now.Step(now.steps[i])
	if i >= len(before.steps) {
		return Cause{Text: "it is a new step"}, true
	}
	old := c.before.Step(before.steps[i])
	if sameText(old, step) {
		return c.inputs(old, step, stages)
	}
	was, is := c.find(c.before, before, i, step), c.find(c.now, now, i, old)
	switch {
	case was >= 0 && is >= 0:
		return Cause{Text: "it was below " + Short(old.Text) + ": the order of the steps changed"}, true
	case was >= 0:
		removed := Short(old.Text)
		if was > i+1 {
			removed = fmt.Sprintf("%s and %s", removed, moreSteps(was-i-1))
		}
		return Cause{Text: removed + " above it was removed"}, true
	case is >= 0:
		return Cause{Text: "it is a new step"}, true
	}
	if old.Keyword != step.Keyword {
		return Cause{Text: "it is a new step in place of " + Short(old.Text)}, true
	}
	return textChanged(old), true
}

func moreSteps(steps int) string {
	if steps == 1 {
		return "1 more step"
	}
	return fmt.Sprintf("%d more steps", steps)
}

// inputs compares what two steps with the same text read.
func (c comparison) inputs(old, step *Step, stages []int) (Cause, bool) {
	if cause, differs := documentsChanged(old, step); differs {
		return cause, true
	}
	if cause, differs := c.settingsChanged(old, step); differs {
		return cause, true
	}
	if old.Files != "" && step.Files != "" && old.Files != step.Files {
		return Cause{Files: true, Selections: step.Selections}, true
	}
	if cause, differs := c.sourcesChanged(old, step, stages); differs {
		return cause, true
	}
	return Cause{}, false
}

func documentsChanged(old, step *Step) (Cause, bool) {
	for i, document := range step.Documents {
		if i < len(old.Documents) && old.Documents[i] != document {
			return Cause{Text: "its here-document " + document.Name + " changed"}, true
		}
	}
	return Cause{}, false
}

// sourcesChanged compares the stages that two steps take files from.
func (c comparison) sourcesChanged(old, step *Step, stages []int) (Cause, bool) {
	for i, from := range step.From {
		if i >= len(old.From) || slices.Contains(stages, from) {
			continue
		}
		was, is := c.before.Stages[old.From[i]], c.now.Stages[from]
		if c.counterpart(from) != old.From[i] && (was.Name != is.Name || was.Name == "") {
			return Cause{Text: anotherStage(c.before.stageName(old.From[i]), c.now.stageName(from))}, true
		}
		if cause, differs := c.stageChanged(from, old.From[i], append(stages, from)); differs {
			return cause, true
		}
	}
	return Cause{}, false
}

func anotherStage(before, now string) string {
	if before == now {
		return now + " is another stage than before"
	}
	return fmt.Sprintf("it takes files from %s now, not from %s", now, before)
}

// stageChanged explains a stage that gave other files although none of its steps had to run.
func (c comparison) stageChanged(now, before int, stages []int) (Cause, bool) {
	is, was := c.now.chain(now), c.before.chain(before)
	if cause, differs := baseChanged(was, is, "the base image of "+c.now.stageName(now)); differs {
		return cause, true
	}
	for i := range is.steps {
		if cause, differs := c.differenceAt(is, was, i, stages); differs && !(c.cached(is.steps[i]) && i < len(was.steps) && !c.moved(is, was, i)) {
			cause.Of = c.now.Step(is.steps[i]).Text
			return cause, true
		}
	}
	if len(was.steps) > len(is.steps) {
		return Cause{Text: fmt.Sprintf("%s was removed from %s", Short(c.before.Step(was.steps[len(is.steps)]).Text), c.now.stageName(now))}, true
	}
	return Cause{}, false
}

func (o *Outline) stageName(at int) string {
	if name := o.Stages[at].Name; name != "" {
		return "the stage " + name
	}
	return fmt.Sprintf("the stage %d", at)
}

// counterparts pairs the stages of now with those of before that they were made from: stages with the same name, and
// then those that have most in common. A stage without one has -1.
func (c comparison) counterparts() []int {
	type pair struct{ before, now, score int }
	var pairs []pair
	for now := range c.now.Stages {
		for before := range c.before.Stages {
			if score := c.likeness(before, now); score > 0 {
				pairs = append(pairs, pair{before, now, score})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return b.score - a.score })
	found := slices.Repeat([]int{-1}, len(c.now.Stages))
	taken := map[int]bool{}
	for _, p := range pairs {
		if found[p.now] < 0 && !taken[p.before] {
			found[p.now], taken[p.before] = p.before, true
		}
	}
	return found
}

func (c comparison) counterpart(stage int) int { return c.pairs[stage] }

func (c comparison) likeness(before, now int) int {
	was, is := c.before.Stages[before], c.now.Stages[now]
	if was.Name != "" && was.Name == is.Name {
		return 1 << 20
	}
	a, b := c.before.chain(before), c.now.chain(now)
	score := 0
	left := slices.Clone(a.steps)
	for _, place := range b.steps {
		same := slices.IndexFunc(left, func(other Place) bool { return sameText(c.before.Step(other), c.now.Step(place)) })
		if same >= 0 {
			left = slices.Delete(left, same, same+1)
			score += 8
		}
	}
	if a.base == b.base {
		score += 2
	}
	if before == now {
		score++
	}
	if before == len(c.before.Stages)-1 && now == len(c.now.Stages)-1 {
		score += 3
	}
	if len(c.before.Stages) == 1 && len(c.now.Stages) == 1 {
		score++
	}
	return score
}

// Short returns the first line of a step's text, cut to 60 characters.
func Short(text string) string {
	line, _, cut := strings.Cut(text, "\n")
	runes := []rune(line)
	if len(runes) > 60 {
		runes, cut = runes[:60], true
	}
	if cut {
		return string(runes) + "…"
	}
	return string(runes)
}
