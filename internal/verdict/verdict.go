// Package verdict says what the cache did for a build, from what BuildKit reported and what the registry holds.
package verdict

import (
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/ecr"
	"github.com/layercache/layercache/internal/progress"
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
	// States is what the registry held at each ref before the build.
	States map[string]cachestate.Kind
}

// Verdict is the answer.
type Verdict struct {
	// Name is one of the constants above.
	Name string
	// Reason is half a sentence that says why.
	Reason string
	// HitRatio is the part of the steps that were cached; nil where no step could have been, and with no cache.
	HitRatio *float64
	// Warnings name every cache that could not be read, and the cause.
	Warnings []string
}

// Of judges the evidence.
func Of(e Evidence) Verdict {
	if !e.On {
		return Verdict{Name: Off, Reason: "no cache was asked for (LAYERCACHE_REPOSITORY is not set, or LAYERCACHE_MODE is off)"}
	}
	hits, counted := count(e.Steps)
	v := Verdict{Warnings: warnings(e)}
	if counted > 0 {
		ratio := float64(hits) / float64(counted)
		v.HitRatio = &ratio
	}
	switch {
	case e.Refresh:
		v.Name, v.Reason = Cold, "what was cached was ignored, as LAYERCACHE_REFRESH asks"
	case counted > 0 && hits == counted:
		v.Name, v.Reason = Used, "every step came from the cache"
	case counted == 0 && e.Failed:
		v.Name, v.Reason = Cold, "the build ended before its first step did"
	case hits > 0:
		v.Name, v.Reason = PartlyUsed, fmt.Sprintf("%d of %d steps had to run", counted-hits, counted)
	default:
		v.Name, v.Reason = withoutHits(e)
	}
	return v
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

// withoutHits finds out why nothing was taken from the cache.
func withoutHits(e Evidence) (name, reason string) {
	if at := slices.IndexFunc(e.Refs, func(ref string) bool { return e.States[ref] == cachestate.Image }); at >= 0 {
		return Overwritten, fmt.Sprintf("%s holds an image, not a cache: something was pushed over it; give images another tag or repository", e.Refs[at])
	}
	for _, attempt := range e.Imports {
		if cause := Cause(attempt.Error); cause != "" && !isAbsent(attempt.Error) {
			return ImportFailed, fmt.Sprintf("the cache could not be read (%s)", cause)
		}
	}
	if at := slices.IndexFunc(e.Refs, func(ref string) bool { return repositoryMissing(ref, e.States[ref]) }); at >= 0 {
		return Missing, fmt.Sprintf("the cache repository of %s does not exist; create it or correct LAYERCACHE_REPOSITORY", e.Refs[at])
	}
	if slices.ContainsFunc(e.Refs, func(ref string) bool { return e.States[ref] == cachestate.Cache }) {
		return Cold, "there is a cache, but nothing in it fits this build: the first step has changed"
	}
	return Cold, "there was no cache yet"
}

// repositoryMissing holds for ECR alone: there a repository has to be made first, elsewhere the first push makes it.
func repositoryMissing(ref string, kind cachestate.Kind) bool {
	if kind != cachestate.NoRepository {
		return false
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return false
	}
	_, isECR := ecr.ParseHost(parsed.Context().RegistryStr())
	return isECR
}

func warnings(e Evidence) []string {
	var all []string
	for _, attempt := range e.Imports {
		if attempt.Error != "" && !isAbsent(attempt.Error) {
			all = append(all, fmt.Sprintf("the cache %s could not be read: %s", attempt.Ref, Cause(attempt.Error)))
		}
	}
	return all
}
