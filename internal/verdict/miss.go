package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/outline"
)

// Miss is the first step of a stage that had to run although there is a cache.
type Miss struct {
	// Step is its index in Evidence.Steps.
	Step int
	// Cause is why it had to run, as a clause that follows "because".
	Cause string
	// Advice is a change that would have kept the cache; empty when there is no simple one.
	Advice string
	// follows is true when the step depends on a miss in another stage.
	follows bool
	// unclear is true when the cause is not known.
	unclear bool
}

// rootMiss returns the first miss with a known cause of its own.
func rootMiss(misses []Miss) (Miss, bool) {
	at := slices.IndexFunc(misses, func(m Miss) bool { return !m.follows && !m.unclear })
	if at < 0 {
		return Miss{}, false
	}
	return misses[at], true
}

// misses returns each stage's first step that had to run. It is empty when there was no cache.
func (e Evidence) misses() []Miss {
	hits, _ := count(e.Steps)
	_, cacheFound := e.first(func(state cache.State) bool { return state.Kind == cache.KindCache })
	if e.Refresh || e.NoCache || e.AddsStages || hits == 0 && !cacheFound {
		return nil
	}
	before := e.record()
	seen := map[string]bool{}
	var misses []Miss
	for i, step := range e.Steps {
		stage := step.Platform + " " + step.Stage
		if step.IsFrom() || !step.Ran || seen[stage] {
			continue
		}
		seen[stage] = true
		misses = append(misses, e.miss(i, before))
	}
	return misses
}

// record returns the record of the first cache that exists, or nil.
func (e Evidence) record() *cache.Record {
	for _, ref := range e.Refs {
		state, known := e.States[ref]
		if r := e.Records[ref]; r != nil && (!known || state.Kind == cache.KindCache) {
			return r
		}
	}
	return nil
}

func (e Evidence) miss(at int, before *cache.Record) Miss {
	step := e.Steps[at]
	if e.isFresh(step.Stage) {
		return Miss{Step: at, Cause: "--no-cache-filter names its stage"}
	}
	own, known := e.compared(at, before)
	for _, input := range step.Inputs {
		if other := e.Steps[input]; other.Ran && !other.IsFrom() && (!known || own.Of != "" || own.Text == "") {
			return Miss{Step: at, Cause: "it depends on " + outline.Short(other.Instruction) + ", which had to run", follows: true}
		}
	}
	if e.LastStageOnly && step.Stage != e.Steps[len(e.Steps)-1].Stage {
		return Miss{Step: at, Cause: "this cache mode keeps only the last stage"}
	}
	if before != nil && before.LastStageOnly && step.Stage != e.Steps[len(e.Steps)-1].Stage {
		return Miss{Step: at, Cause: "the cache was written with only the last stage"}
	}
	if hits, _ := count(e.Steps); hits == 0 && e.anyImportFailed() {
		return Miss{Step: at, Cause: "the cache could not be read", unclear: true}
	}
	if before == nil {
		return Miss{Step: at, Cause: "the cache has no result of it (the inputs of the previous build are not known)", unclear: true}
	}
	if clash := e.clash(); clash != nil && before == e.Records[e.Export] && (!clash.SameSource || before.Inputs.Dockerfile != e.Inputs.Dockerfile) {
		return Miss{Step: at, Cause: "the cache was last written by the build of " + clash.Writer, Advice: "give each image a cache of its own: set " + e.OwnCache}
	}
	if cause := e.baseUpdated(at, before); cause != "" {
		return Miss{Step: at, Cause: cause}
	}
	if !known {
		return e.otherCause(at, before)
	}
	return e.describe(at, own, before)
}

// isFresh reports whether --no-cache-filter names the stage. As in BuildKit, case does not matter.
func (e Evidence) isFresh(stage string) bool {
	return slices.ContainsFunc(e.FreshStages, func(name string) bool { return name != "" && strings.EqualFold(name, stage) })
}

// compared compares the step with the Dockerfile of the previous build. ok is false if that does not show a cause.
func (e Evidence) compared(at int, before *cache.Record) (cause outline.Cause, ok bool) {
	if before == nil || before.Inputs.Outline == nil || e.Inputs.Outline == nil {
		return outline.Cause{}, false
	}
	step := e.Steps[at]
	place, found := e.Inputs.Outline.Locate(step.Stage, step.Index, step.Instruction)
	if !found {
		return outline.Cause{}, false
	}
	hits := map[outline.Place]bool{}
	for _, other := range e.Steps {
		if other.Platform == step.Platform && other.Cached {
			if place, found := e.Inputs.Outline.Locate(other.Stage, other.Index, other.Instruction); found {
				hits[place] = true
			}
		}
	}
	return outline.Compare(before.Inputs.Outline, e.Inputs.Outline, place, func(p outline.Place) bool { return hits[p] })
}

// describe returns the miss for a cause that the outlines show.
func (e Evidence) describe(at int, cause outline.Cause, before *cache.Record) Miss {
	miss := Miss{Step: at, Cause: cause.Text}
	if cause.Files {
		changes := source.Changes(before.Inputs.Files, e.Inputs.Files, cause.Selections)
		miss.Cause = describe(changes)
		if before.Inputs.Files == nil || e.Inputs.Files == nil || len(changes) == 0 {
			miss.Cause = "files that it takes from the build context changed (too many to say which)"
		}
		if cause.Of == "" {
			miss.Advice = e.orderAdvice(at, changes)
		}
	}
	if len(cause.Arguments) == 1 && cause.Of == "" {
		miss.Advice = e.argumentAdvice(at, cause.Arguments[0])
	}
	if cause.Of != "" {
		miss.Cause = fmt.Sprintf("%s before it differs: %s", outline.Short(cause.Of), miss.Cause)
	}
	return miss
}

// otherCause looks for causes that are not in the Dockerfile and its files.
func (e Evidence) otherCause(at int, before *cache.Record) Miss {
	unclear := func(text string) Miss { return Miss{Step: at, Cause: text, unclear: true} }
	switch {
	case e.RanFor[at] != "":
		return Miss{Step: at, Cause: "the target " + e.RanFor[at] + ", which shares the step and read no cache, ran it first"}
	case e.Inputs.Remote || before.Inputs.Remote:
		return unclear("the cache has no result of it (a build context that is not a local folder is not compared)")
	case e.Inputs.Outline == nil:
		return unclear("the cache has no result of it (the Dockerfile is not compared: it is not a local file, or only another frontend can parse it)")
	case before.Inputs.Outline == nil:
		return unclear("the cache has no result of it (the Dockerfile of the previous build is not known)")
	}
	step := e.Steps[at]
	place, found := e.Inputs.Outline.Locate(step.Stage, step.Index, step.Instruction)
	switch {
	case !found && strings.HasPrefix(step.Instruction, "ONBUILD "):
		return unclear("the cache has no result of it (it is not in the Dockerfile: an ONBUILD instruction of the base image is not compared)")
	case !found:
		return unclear("the cache has no result of it (its instruction in the Dockerfile is not certain)")
	}
	planned := e.Inputs.Outline.Step(place)
	for _, image := range planned.Images {
		if cause := updated(imagesNamed(e.Images, image), before.Images); cause != "" {
			return Miss{Step: at, Cause: "the image " + cause}
		}
	}
	switch {
	case len(planned.Selections) > 0 && planned.Files == "":
		return unclear("the cache has no result of it (the files that it takes are not compared)")
	case slices.Contains(e.Linked, e.Inputs.Outline.BaseContext(place)):
		// https://github.com/docker/buildx/issues/414
		return Miss{Step: at, Cause: "BuildKit finds no cached result of a step on the result of another target (" + e.Inputs.Outline.BaseContext(place) + "): make that target a stage of this Dockerfile"}
	case e.Inputs.Outline.BaseContext(place) != "":
		return unclear("the cache has no result of it (what --build-context " + e.Inputs.Outline.BaseContext(place) + " has is not compared)")
	case planned.Remote:
		return Miss{Step: at, Cause: "the content of its URL changed"}
	case len(planned.Images) > 0:
		return unclear("the cache has no result of it (what it takes from " + planned.Images[0] + " is not compared)")
	}
	return unclear("the cache has no result of it (no change was found)")
}

// imagesNamed returns the images of the build that a Dockerfile calls name.
func imagesNamed(images []string, name string) []string {
	name, _, _ = strings.Cut(name, "@")
	var found []string
	for _, image := range images {
		full, _, _ := strings.Cut(image, "@")
		if full == name || strings.HasSuffix(full, "/"+name) || strings.HasSuffix(full, "/"+name+":latest") || full == name+":latest" {
			found = append(found, image)
		}
	}
	return found
}

// baseUpdated compares the base images below the step with those of the previous build. It does not look below steps
// that had to run.
func (e Evidence) baseUpdated(at int, before *cache.Record) string {
	old := slices.Clone(before.Images)
	for _, step := range before.Steps {
		if image, ok := strings.CutPrefix(step.Instruction, "FROM "); ok && step.Platform == e.Steps[at].Platform {
			old = append(old, image)
		}
	}
	seen := map[int]bool{}
	queue := slices.Clone(e.Steps[at].Inputs)
	for len(queue) > 0 {
		input := queue[0]
		queue = queue[1:]
		if seen[input] {
			continue
		}
		seen[input] = true
		below := e.Steps[input]
		if image, ok := strings.CutPrefix(below.Instruction, "FROM "); ok {
			if cause := updated([]string{image}, old); cause != "" {
				return "the base image " + cause
			}
		}
		queue = append(queue, below.Inputs...)
	}
	return ""
}

// updated describes the first of the images that the previous build used with another digest.
func updated(images, before []string) string {
	for _, image := range images {
		if slices.Contains(before, image) {
			continue
		}
		name, digest, _ := strings.Cut(image, "@")
		for _, old := range before {
			if oldName, oldDigest, _ := strings.Cut(old, "@"); oldName == name {
				return fmt.Sprintf("%s was updated (%s, was %s)", name, shortDigest(digest), shortDigest(oldDigest))
			}
		}
	}
	return ""
}

func shortDigest(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}

func describe(changes []source.Change) string {
	if len(changes) == 0 {
		return ""
	}
	text := changes[0].String()
	switch more := len(changes) - 1; {
	case more == 1:
		text += ", and " + changes[1].String()
	case more > 1:
		text += fmt.Sprintf(", and %d more files", more)
	}
	return text
}
