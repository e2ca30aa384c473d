// Package verdict says what the cache did for a build, from what BuildKit reported and what the registry holds.
package verdict

import (
	"fmt"
	"slices"

	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/record"
)

// The verdicts.
const (
	// Used: every step came from the cache.
	Used = "used"
	// PartlyUsed: some steps did.
	PartlyUsed = "partly-used"
	// Cold: none did, because there was nothing to take yet or nothing that fitted.
	Cold = "cold"
	// Missing: the cache repository does not exist.
	Missing = "missing"
	// ImportFailed: the cache could not be read.
	ImportFailed = "import-failed"
	// Overwritten: something else was pushed over the cache.
	Overwritten = "overwritten"
	// Off: no cache was asked for.
	Off = "off"
)

// Evidence is what a verdict rests on.
type Evidence struct {
	// On says that a cache was asked for; Refresh, that what it holds was to be ignored; Failed, that the build failed.
	On, Refresh, Failed bool
	// Refs are the caches that were to be read, in order.
	Refs []string
	// Steps and Imports are what BuildKit reported.
	Steps   []progress.Step
	Imports []progress.Import
	// States is what the registry held at each ref before the build, Records what was remembered beside it.
	States  map[string]cachestate.State
	Records map[string]*record.Record
	// App and Platform are what was built, Inputs what the build was given.
	App, Platform string
	Inputs        record.Inputs
	// LastStageOnly says that the cache is made so that it holds no other.
	LastStageOnly bool
	// FreshBuilder says that the builder held nothing before, so that what is cached came from the refs.
	FreshBuilder bool
}

// Verdict is the answer.
type Verdict struct {
	// Name is one of the constants above.
	Name string
	// Reason is half a sentence that says why.
	Reason string
	// HitRatio is the part of the steps that were cached; nil where no step could have been, and with no cache.
	HitRatio *float64
	// HitsFrom says where the cached steps came from: "cache", "builder" or "either"; empty where none was cached.
	HitsFrom string
	// Misses are the first steps of each stage that had to run.
	Misses []Miss
	// Warnings name every cache that could not be read, and the cause.
	Warnings []string
}

// Of judges the evidence.
func Of(e Evidence) Verdict {
	if !e.On {
		return Verdict{Name: Off, Reason: "no cache was asked for (LAYERCACHE_REPOSITORY is not set, or LAYERCACHE_MODE is off)"}
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
		v.Name, v.Reason = Cold, "what was cached was ignored, as LAYERCACHE_REFRESH asks"
	case counted > 0 && hits == counted:
		v.Name, v.Reason = Used, "every step came from "+origins[v.HitsFrom]
	case counted == 0 && e.Failed:
		v.Name, v.Reason = Cold, "the build ended before its first step did"
	case hits > 0:
		v.Name, v.Reason = PartlyUsed, e.partly(v, counted-hits, counted)
	default:
		v.Name, v.Reason = e.withoutHits(v.Misses)
	}
	return v
}

// Where cached steps come from.
const (
	FromCache   = "cache"
	FromBuilder = "builder"
	FromEither  = "either"
)

var origins = map[string]string{
	FromCache:   "the cache",
	FromBuilder: "the builder's own cache, none from the one that was asked for",
	FromEither:  "the cache or the builder's own",
}

// hitsFrom tells the builder's own cache from the refs: a builder that held nothing cannot have been it, and refs that could
// not be read cannot either.
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

// partly names the first step that had to run for a reason of its own.
func (e Evidence) partly(v Verdict, ran, counted int) string {
	text := fmt.Sprintf("%d of %d steps had to run", ran, counted)
	if v.HitsFrom != FromCache {
		text += ", the rest came from " + origins[v.HitsFrom]
	}
	if miss, ok := root(v.Misses); ok {
		text += fmt.Sprintf(", from %s on because %s", short(e.Steps[miss.Step].Instruction), miss.Cause)
	}
	if cause, ok := e.unread(); ok {
		text += "; a cache could not be read: " + cause
	}
	return text
}

// count leaves FROM out, which is neither a hit nor a miss, and steps that never came to an end.
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
