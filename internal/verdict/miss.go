package verdict

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildcontext"
	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/record"
)

// Miss is the first step of a stage that had to run although there was a cache.
type Miss struct {
	// Step is its place in Evidence.Steps.
	Step int
	// Cause is why it had to run, a clause that can follow "because".
	Cause string
	// Advice is what would have kept the cache; empty where nothing simple would.
	Advice string
	// follows says that the cause is another stage's miss, unclear that there is none to name.
	follows, unclear bool
}

// root is the first miss that is no other's consequence and has a cause.
func root(misses []Miss) (Miss, bool) {
	at := slices.IndexFunc(misses, func(m Miss) bool { return !m.follows && !m.unclear })
	if at < 0 {
		return Miss{}, false
	}
	return misses[at], true
}

// misses looks at each stage's first step that had to run. Without a cache to miss there is none.
func (e Evidence) misses() []Miss {
	hits, _ := count(e.Steps)
	_, cacheFound := e.first(func(state cachestate.State) bool { return state.Kind == cachestate.Cache })
	if e.Refresh || hits == 0 && !cacheFound {
		return nil
	}
	before := e.remembered()
	seen := map[string]bool{}
	var misses []Miss
	for i, step := range e.Steps {
		place := step.Platform + " " + step.Stage
		if step.IsFrom() || !step.Ran || seen[place] {
			continue
		}
		seen[place] = true
		misses = append(misses, e.miss(i, before))
	}
	return misses
}

// remembered is the record of the first cache that was there.
func (e Evidence) remembered() *record.Record {
	for _, ref := range e.Refs {
		state, asked := e.States[ref]
		if r := e.Records[ref]; r != nil && (!asked || state.Kind == cachestate.Cache) {
			return r
		}
	}
	return nil
}

func (e Evidence) miss(at int, before *record.Record) Miss {
	step := e.Steps[at]
	for _, input := range step.Inputs {
		if other := e.Steps[input]; other.Ran && !other.IsFrom() {
			return Miss{Step: at, Cause: "it takes from " + short(other.Instruction) + ", which had to run", follows: true}
		}
	}
	if e.LastStageOnly && step.Stage != e.Steps[len(e.Steps)-1].Stage {
		return Miss{Step: at, Cause: "the cache holds the last stage alone, as its mode has it"}
	}
	if hits, _ := count(e.Steps); hits == 0 && e.anyUnread() {
		return Miss{Step: at, Cause: "the cache could not be read", unclear: true}
	}
	if before == nil {
		return Miss{Step: at, Cause: "the cache holds no result of it (what the build before was given is not known)", unclear: true}
	}
	if cause := e.baseChanged(at, before); cause != "" {
		return Miss{Step: at, Cause: cause}
	}
	if cause := textChanged(step, before); cause != "" {
		return Miss{Step: at, Cause: cause}
	}
	if changes := e.changedFiles(step, before); len(changes) > 0 {
		return Miss{Step: at, Cause: listed(changes), Advice: e.order(at, before)}
	}
	return e.otherCause(at, before)
}

// otherCause looks at what is not to be seen in the instruction itself.
func (e Evidence) otherCause(at int, before *record.Record) Miss {
	step := e.Steps[at]
	if strings.HasPrefix(step.Instruction, "ADD ") && strings.Contains(step.Instruction, "://") {
		return Miss{Step: at, Cause: "what it fetches has changed"}
	}
	if changed := changedArguments(before.Inputs.Arguments, e.Inputs.Arguments); strings.HasPrefix(step.Instruction, "RUN ") && len(changed) > 0 {
		return Miss{Step: at, Cause: "the build argument " + strings.Join(changed, ", ") + " changed", Advice: argumentOrder(step, changed)}
	}
	if other := takesFrom(step.Instruction); other != "" {
		return Miss{Step: at, Cause: "what it takes from " + other + " has changed"}
	}
	switch {
	case before.Inputs.Dockerfile != e.Inputs.Dockerfile:
		return Miss{Step: at, Cause: "the Dockerfile changed before it (ENV, ARG, USER, WORKDIR or SHELL)"}
	case before.Inputs.Flags != e.Inputs.Flags:
		return Miss{Step: at, Cause: "the arguments of the build changed"}
	}
	return Miss{Step: at, Cause: "the cache holds no result of it", unclear: true}
}

// from is how an instruction names the stage, image or context that it takes from.
var from = regexp.MustCompile(`(?:--|,)from=([^\s,]+)`)

func takesFrom(instruction string) string {
	if match := from.FindStringSubmatch(instruction); match != nil {
		return match[1]
	}
	return ""
}

// baseChanged compares the bases that the step stands on with those of the build before.
func (e Evidence) baseChanged(at int, before *record.Record) string {
	seen := map[int]bool{}
	waiting := slices.Clone(e.Steps[at].Inputs)
	for len(waiting) > 0 {
		input := waiting[0]
		waiting = waiting[1:]
		if seen[input] {
			continue
		}
		seen[input] = true
		waiting = append(waiting, e.Steps[input].Inputs...)
		if base := e.Steps[input]; base.IsFrom() {
			if cause := compareBase(base, before); cause != "" {
				return cause
			}
		}
	}
	return ""
}

func compareBase(base progress.Step, before *record.Record) string {
	for _, old := range before.Steps {
		if old.Platform != base.Platform || old.Stage != base.Stage || old.Index != base.Index || old.Instruction == base.Instruction {
			continue
		}
		name, digest, _ := strings.Cut(strings.TrimPrefix(base.Instruction, "FROM "), "@")
		oldName, oldDigest, _ := strings.Cut(strings.TrimPrefix(old.Instruction, "FROM "), "@")
		if name == oldName {
			return fmt.Sprintf("the base image %s was updated (%s, was %s)", name, shortDigest(digest), shortDigest(oldDigest))
		}
		return fmt.Sprintf("the base image is %s now, was %s", name, oldName)
	}
	return ""
}

func shortDigest(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}

// textChanged compares the instruction with those of the build before.
func textChanged(step progress.Step, before *record.Record) string {
	var inPlace string
	for _, old := range before.Steps {
		if old.Platform != step.Platform {
			continue
		}
		if old.Instruction == step.Instruction {
			return ""
		}
		if old.Stage == step.Stage && old.Index == step.Index {
			inPlace = old.Instruction
		}
	}
	if inPlace == "" {
		return "it is new"
	}
	return "its text changed, it was " + short(inPlace)
}

// changedFiles are the files that the step copies or mounts and that are not as they were.
func (e Evidence) changedFiles(step progress.Step, before *record.Record) []buildcontext.Change {
	sources := buildcontext.Sources(step.Instruction)
	if strings.HasPrefix(step.Instruction, "RUN ") && mountsContext(step.Instruction) {
		sources = []string{"."}
	}
	if len(sources) == 0 || before.Inputs.Files == nil || e.Inputs.Files == nil {
		return nil
	}
	return buildcontext.Changes(before.Inputs.Files, e.Inputs.Files, sources)
}

// mountsContext says that a RUN has a bind mount of the build context.
func mountsContext(instruction string) bool {
	for word := range strings.FieldsSeq(instruction) {
		if strings.HasPrefix(word, "--mount=") && strings.Contains(word, "type=bind") && !strings.Contains(word, "from=") {
			return true
		}
	}
	return false
}

func listed(changes []buildcontext.Change) string {
	text := changes[0].String()
	switch more := len(changes) - 1; {
	case more == 1:
		text += ", and " + changes[1].String()
	case more > 1:
		text += fmt.Sprintf(", and %d more files", more)
	}
	return text
}

// changedArguments are the names of the build arguments whose values differ.
func changedArguments(before, now map[string]string) []string {
	names := map[string]bool{}
	for name, value := range now {
		if old, known := before[name]; !known || old != value {
			names[name] = true
		}
	}
	for name := range before {
		if _, still := now[name]; !still {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// short is an instruction's first line, at most 60 characters of it.
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
