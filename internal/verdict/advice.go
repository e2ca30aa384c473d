package verdict

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
)

// systemPackages matches commands that install system packages. They do not depend on files that an earlier
// COPY added.
var systemPackages = regexp.MustCompile(`\b(apt-get|apt|apk|dnf|yum|microdnf|zypper) .*\b(install|add)\b`)

// manifestInstall matches commands that read only the dependency manifests.
var manifestInstall = regexp.MustCompile(`\b(npm (ci|i|install)|yarn install|pnpm (i|install)|pip3? install .*-r|poetry install|uv sync|go mod download|` +
	`bundle install|cargo fetch|composer install|dotnet restore)\b`)

// orderAdvice suggests an order of steps that would have kept the cache: copy the manifests first, or move
// the copy below the steps that do not need it. It is empty when there is no such order.
func (e Evidence) orderAdvice(at int, before *cache.Record) string {
	step := e.Steps[at]
	if len(source.Sources(step.Instruction)) == 0 {
		return ""
	}
	var last progress.Step
	var kept int
	var seconds float64
	for _, later := range e.stageAfter(at) {
		if e.readsManifests(step, later, before) {
			return fmt.Sprintf("copy the dependency manifests first, then %s, then %s: %s of work would have stayed cached",
				short(later.Instruction), short(step.Instruction), duration(later.Seconds))
		}
		if !e.independent(later, before) {
			break
		}
		last = later
		if later.Ran {
			kept++
			seconds += later.Seconds
		}
	}
	if kept == 0 {
		return ""
	}
	return fmt.Sprintf("move %s below %s: %s (%s) would have stayed cached", short(step.Instruction), short(last.Instruction), moreSteps(kept), duration(seconds))
}

// stageAfter returns the later steps of the same stage and platform.
func (e Evidence) stageAfter(at int) []progress.Step {
	var after []progress.Step
	for _, step := range e.Steps[at+1:] {
		if step.Stage == e.Steps[at].Stage && step.Platform == e.Steps[at].Platform {
			after = append(after, step)
		}
	}
	return after
}

// independent reports whether the step is unchanged and needs no file from an earlier COPY.
func (e Evidence) independent(step progress.Step, before *cache.Record) bool {
	if textChanged(step, before) != "" {
		return false
	}
	if systemPackages.MatchString(step.Instruction) && strings.HasPrefix(step.Instruction, "RUN ") {
		return true
	}
	return len(source.Sources(step.Instruction)) > 0 && len(e.changedFiles(step, before)) == 0
}

// readsManifests reports whether the later step installs dependencies from manifests among the copied files,
// and none of those manifests changed.
func (e Evidence) readsManifests(copied, later progress.Step, before *cache.Record) bool {
	if !strings.HasPrefix(later.Instruction, "RUN ") || !manifestInstall.MatchString(later.Instruction) {
		return false
	}
	for _, change := range e.changedFiles(copied, before) {
		if source.IsManifest(change.Path) {
			return false
		}
	}
	for path := range e.Inputs.Files {
		if source.IsManifest(path) && source.Copied(path, source.Sources(copied.Instruction)) {
			return true
		}
	}
	return false
}

// argumentAdvice suggests moving ARG down when the step does not use the one build argument that changed.
func argumentAdvice(step progress.Step, changed []string) string {
	if len(changed) != 1 || strings.Contains(step.Instruction, changed[0]) {
		return ""
	}
	return fmt.Sprintf("declare ARG %s below %s, which does not use it", changed[0], short(step.Instruction))
}

func duration(seconds float64) string { return fmt.Sprintf("%.1f s", seconds) }

func moreSteps(steps int) string {
	if steps == 1 {
		return "1 more step"
	}
	return fmt.Sprintf("%d more steps", steps)
}
