package verdict

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
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
	if e.Refresh || hits == 0 && !cacheFound {
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
	for _, input := range step.Inputs {
		if other := e.Steps[input]; other.Ran && !other.IsFrom() {
			return Miss{Step: at, Cause: "it depends on " + short(other.Instruction) + ", which had to run", follows: true}
		}
	}
	if e.LastStageOnly && step.Stage != e.Steps[len(e.Steps)-1].Stage {
		return Miss{Step: at, Cause: "this cache mode keeps only the last stage"}
	}
	if hits, _ := count(e.Steps); hits == 0 && e.anyImportFailed() {
		return Miss{Step: at, Cause: "the cache could not be read", unclear: true}
	}
	if before == nil {
		return Miss{Step: at, Cause: "the cache has no result of it (the inputs of the previous build are not known)", unclear: true}
	}
	if cause := e.baseChanged(at, before); cause != "" {
		return Miss{Step: at, Cause: cause}
	}
	if cause := textChanged(step, before); cause != "" {
		return Miss{Step: at, Cause: cause}
	}
	if changes := e.changedFiles(step, before); len(changes) > 0 {
		return Miss{Step: at, Cause: describe(changes), Advice: e.orderAdvice(at, before)}
	}
	return e.otherCause(at, before)
}

// otherCause looks for causes that the instruction itself does not show.
func (e Evidence) otherCause(at int, before *cache.Record) Miss {
	step := e.Steps[at]
	if strings.HasPrefix(step.Instruction, "ADD ") && strings.Contains(step.Instruction, "://") {
		return Miss{Step: at, Cause: "the content of its URL changed"}
	}
	if changed := changedArguments(before.Inputs.Arguments, e.Inputs.Arguments); strings.HasPrefix(step.Instruction, "RUN ") && len(changed) > 0 {
		return Miss{Step: at, Cause: "the build argument " + strings.Join(changed, ", ") + " changed", Advice: argumentAdvice(step, changed)}
	}
	if other := fromName(step.Instruction); other != "" {
		return Miss{Step: at, Cause: "the files from " + other + " changed"}
	}
	switch {
	case before.Inputs.Dockerfile != e.Inputs.Dockerfile:
		return Miss{Step: at, Cause: "the Dockerfile changed above it (ENV, ARG, USER, WORKDIR or SHELL)"}
	case before.Inputs.Flags != e.Inputs.Flags:
		return Miss{Step: at, Cause: "the flags of the build changed"}
	}
	return Miss{Step: at, Cause: "the cache has no result of it", unclear: true}
}

// fromPattern matches the stage, image or context that an instruction takes files from.
var fromPattern = regexp.MustCompile(`(?:--|,)from=([^\s,]+)`)

func fromName(instruction string) string {
	if match := fromPattern.FindStringSubmatch(instruction); match != nil {
		return match[1]
	}
	return ""
}

// baseChanged compares the base images below the step with those of the previous build.
func (e Evidence) baseChanged(at int, before *cache.Record) string {
	seen := map[int]bool{}
	queue := slices.Clone(e.Steps[at].Inputs)
	for len(queue) > 0 {
		input := queue[0]
		queue = queue[1:]
		if seen[input] {
			continue
		}
		seen[input] = true
		queue = append(queue, e.Steps[input].Inputs...)
		if base := e.Steps[input]; base.IsFrom() {
			if cause := compareBase(base, before); cause != "" {
				return cause
			}
		}
	}
	return ""
}

func compareBase(base progress.Step, before *cache.Record) string {
	for _, old := range before.Steps {
		if old.Platform != base.Platform || old.Stage != base.Stage || old.Index != base.Index || old.Instruction == base.Instruction {
			continue
		}
		name, digest, _ := strings.Cut(strings.TrimPrefix(base.Instruction, "FROM "), "@")
		oldName, oldDigest, _ := strings.Cut(strings.TrimPrefix(old.Instruction, "FROM "), "@")
		if name == oldName {
			return fmt.Sprintf("the base image %s was updated (%s, was %s)", name, shortDigest(digest), shortDigest(oldDigest))
		}
		return fmt.Sprintf("the base image changed from %s to %s", oldName, name)
	}
	return ""
}

func shortDigest(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}

// textChanged compares the instruction with those of the previous build.
func textChanged(step progress.Step, before *cache.Record) string {
	var previous string
	for _, old := range before.Steps {
		if old.Platform != step.Platform {
			continue
		}
		if old.Instruction == step.Instruction {
			return ""
		}
		if old.Stage == step.Stage && old.Index == step.Index {
			previous = old.Instruction
		}
	}
	if previous == "" {
		return "it is a new step"
	}
	return "its text changed (was " + short(previous) + ")"
}

// changedFiles returns the changed files among those that the step copies or mounts.
func (e Evidence) changedFiles(step progress.Step, before *cache.Record) []source.Change {
	sources := source.Sources(step.Instruction)
	if strings.HasPrefix(step.Instruction, "RUN ") && mountsContext(step.Instruction) {
		sources = []string{"."}
	}
	if len(sources) == 0 || before.Inputs.Files == nil || e.Inputs.Files == nil {
		return nil
	}
	return source.Changes(before.Inputs.Files, e.Inputs.Files, sources)
}

// mountsContext reports whether a RUN has a bind mount of the build context.
func mountsContext(instruction string) bool {
	for word := range strings.FieldsSeq(instruction) {
		if strings.HasPrefix(word, "--mount=") && strings.Contains(word, "type=bind") && !strings.Contains(word, "from=") {
			return true
		}
	}
	return false
}

func describe(changes []source.Change) string {
	text := changes[0].String()
	switch more := len(changes) - 1; {
	case more == 1:
		text += ", and " + changes[1].String()
	case more > 1:
		text += fmt.Sprintf(", and %d more files", more)
	}
	return text
}

// changedArguments returns the names of the build arguments whose values differ, sorted.
func changedArguments(before, now map[string]string) []string {
	names := map[string]bool{}
	for name, value := range now {
		if old, existed := before[name]; !existed || old != value {
			names[name] = true
		}
	}
	for name := range before {
		if _, exists := now[name]; !exists {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// short returns an instruction's first line, cut to 60 characters.
func short(instruction string) string {
	line, _, cut := strings.Cut(instruction, "\n")
	runes := []rune(line)
	if len(runes) > 60 {
		runes, cut = runes[:60], true
	}
	if cut {
		return string(runes) + "…"
	}
	return string(runes)
}
