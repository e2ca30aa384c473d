// Package verdict decides whether and why a build used its cache, from BuildKit's progress and the state of
// the registry.
package verdict

import (
	"fmt"
	"slices"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
)

// The verdicts.
const (
	// Used means that every step came from the cache.
	Used = "used"
	// PartlyUsed means that some steps came from the cache.
	PartlyUsed = "partly-used"
	// Cold means that no step came from the cache: there was none, or nothing in it matched.
	Cold = "cold"
	// Missing means that the cache repository does not exist.
	Missing = "missing"
	// ImportFailed means that the cache could not be read.
	ImportFailed = "import-failed"
	// Overwritten means that an image was pushed to the cache's tag.
	Overwritten = "overwritten"
	// Off means that no cache is configured.
	Off = "off"
)

// Evidence is the input of a verdict.
type Evidence struct {
	// On is true when a cache is configured, Refresh when its content was to be ignored, Failed when the
	// build failed.
	On, Refresh, Failed bool
	// Refs are the caches to read, in order.
	Refs []string
	// Steps and Imports are what BuildKit reported.
	Steps   []progress.Step
	Imports []progress.Import
	// States and Records are the state and the record of the cache at each ref before the build.
	States  map[string]cache.State
	Records map[string]*cache.Record
	// App, Platform and Inputs describe the build.
	App, Platform string
	Inputs        cache.Inputs
	// LastStageOnly is true when the cache mode keeps only the last stage.
	LastStageOnly bool
	// FreshBuilder is true when the builder started empty, so that every cached step came from the refs.
	FreshBuilder bool
}

// Verdict is the result of Decide.
type Verdict struct {
	// Name is one of the constants above.
	Name string
	// Reason is a clause that explains the verdict.
	Reason string
	// HitRatio is the share of steps that were cached, from 0 to 1; nil without a cache or without a step to
	// cache.
	HitRatio *float64
	// HitsFrom is where the cached steps came from: FromCache, FromBuilder or FromEither; empty when none was
	// cached.
	HitsFrom string
	// Misses are each stage's first step that had to run.
	Misses []Miss
	// Warnings name each cache that could not be read, with the cause.
	Warnings []string
}

// Decide returns the verdict on a build.
func Decide(e Evidence) Verdict {
	if !e.On {
		return Verdict{Name: Off, Reason: "no cache is configured (LAYERCACHE_REPOSITORY is not set, or LAYERCACHE_MODE is off)"}
	}
	hits, counted := count(e.Steps)
	v := Verdict{Warnings: warnings(e), Misses: e.misses()}
	if counted > 0 {
		ratio := float64(hits) / float64(counted)
		v.HitRatio = &ratio
	}
	if hits > 0 {
		v.HitsFrom = e.hitsFrom()
	}
	switch {
	case e.Refresh:
		v.Name, v.Reason = Cold, "the existing cache was ignored, because LAYERCACHE_REFRESH is true"
	case counted > 0 && hits == counted:
		v.Name, v.Reason = Used, "every step came from "+origins[v.HitsFrom]
	case counted == 0 && e.Failed:
		v.Name, v.Reason = Cold, "the build failed before its first step was done"
	case hits > 0:
		v.Name, v.Reason = PartlyUsed, e.partlyReason(v, counted-hits, counted)
	default:
		v.Name, v.Reason = e.judgeNoHits(v.Misses)
	}
	return v
}

// The values of Verdict.HitsFrom.
const (
	// FromCache means the cache at the refs.
	FromCache = "cache"
	// FromBuilder means the builder's own cache.
	FromBuilder = "builder"
	// FromEither means that it is not known which of the two.
	FromEither = "either"
)

var origins = map[string]string{
	FromCache:   "the cache",
	FromBuilder: "the builder's own cache, not from the configured cache",
	FromEither:  "the cache or the builder's own cache",
}

// hitsFrom returns where the cached steps came from: not from the builder if it started empty, and not from
// the refs if none could be read.
func (e Evidence) hitsFrom() string {
	if e.FreshBuilder {
		return FromCache
	}
	failed := func(attempt progress.Import) bool { return attempt.Error != "" }
	if !slices.ContainsFunc(e.Imports, func(attempt progress.Import) bool { return !failed(attempt) }) {
		return FromBuilder
	}
	return FromEither
}

// partlyReason names the first step that had to run, and why.
func (e Evidence) partlyReason(v Verdict, ran, counted int) string {
	text := fmt.Sprintf("%d of %d steps had to run", ran, counted)
	if v.HitsFrom != FromCache {
		text += ", the rest came from " + origins[v.HitsFrom]
	}
	if miss, ok := rootMiss(v.Misses); ok {
		text += fmt.Sprintf(", starting with %s because %s", short(e.Steps[miss.Step].Instruction), miss.Cause)
	}
	if cause, ok := e.firstImportFailure(); ok {
		text += "; a cache could not be read: " + cause
	}
	return text
}

// count counts the cached steps and all steps that ended. FROM does not count: it is neither a hit nor a
// miss.
func count(steps []progress.Step) (hits, counted int) {
	for _, step := range steps {
		if step.IsFrom() || !step.Cached && !step.Ran {
			continue
		}
		counted++
		if step.Cached {
			hits++
		}
	}
	return hits, counted
}

func warnings(e Evidence) []string {
	var all []string
	for _, attempt := range e.Imports {
		if cause := e.importFailure(attempt); cause != "" {
			all = append(all, fmt.Sprintf("the cache %s could not be read: %s", attempt.Ref, cause))
		}
	}
	return all
}
