// Package verdict decides whether and why a build used its cache, from BuildKit's progress and the state of
// the registry.
package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source/outline"
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
	// Off means that no cache is configured, or that none was used by choice.
	Off = "off"
)

// Evidence is the input of a verdict.
type Evidence struct {
	// On is true when a cache is configured, Refresh when its content was to be ignored, Failed when the
	// build failed.
	On, Refresh, Failed bool
	// OnlyChecks is true when nothing was built, as with --check.
	OnlyChecks bool
	// NoCache is true for --no-cache. FreshStages are the stages of --no-cache-filter.
	NoCache bool
	// AddsStages is true when the cache was not read because it has only the last stage and is to have all.
	AddsStages  bool
	FreshStages []string
	// Declined is why the build used no cache by choice, as half a sentence; empty if it was to use one.
	Declined string
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
	// Writer is what the build builds, Export the ref that it writes, and OwnCache the variable that gives it a
	// cache of its own.
	Writer           cache.Writer
	Export, OwnCache string
	// RanFor are the targets of a bake that share a step and had no cache to take it from, by the step's index.
	RanFor map[int]string
	// Linked are the named build contexts that are the result of another target of a bake.
	Linked []string
	// Images are the images that the build used, with their digests.
	Images []string
	// InFolder is true when the cache is a folder of this machine.
	InFolder bool
	// LastStageOnly is true when the cache mode keeps only the last stage.
	LastStageOnly bool
	// SignIns has the sign-ins that failed.
	SignIns SignIns
	// FreshBuilder is true when the builder started empty, so that every cached step came from the refs.
	// Steps that are marked as Earlier came from the builder nevertheless.
	FreshBuilder bool
}

// Verdict is the result of Decide.
type Verdict struct {
	// Name is one of the constants above.
	Name string
	// Reason is a clause that explains the verdict, and Help is what to do about it.
	Reason string
	Help   Help
	// HitRatio is the share of steps that were cached, from 0 to 1; nil without a cache or without a step to
	// cache.
	HitRatio *float64
	// HitsFrom is where the cached steps came from: FromCache, FromBuilder or FromEither; empty when none was
	// cached.
	HitsFrom string
	// Misses are each stage's first step that had to run.
	Misses []Miss
	// Warnings name the caches that could not be read, with the cause. A cause that several have is named once.
	Warnings []string
}

// Decide returns the verdict on a build.
func Decide(e Evidence) Verdict {
	if e.OnlyChecks {
		return Verdict{Name: Off, Reason: "nothing was built, because --check or --call only looks at the Dockerfile"}
	}
	if !e.On {
		return Verdict{Name: Off, Reason: "no cache is configured (LAYERCACHE_REPOSITORY is not set, or LAYERCACHE_MODE is off)"}
	}
	if e.Declined != "" {
		return Verdict{Name: Off, Reason: "no cache was used, by choice (LAYERCACHE_POLICY=act): " + e.Declined}
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
	case e.AddsStages:
		v.Name, v.Reason = Cold, "the existing cache was ignored, because it has only the last stage and is to have all stages now"
	case e.NoCache:
		v.Name, v.Reason = Cold, "the existing cache was ignored, because of --no-cache"
	case counted > 0 && hits == counted:
		v.Name, v.Reason = Used, "every step came from "+origins[v.HitsFrom]
	case counted == 0 && e.Failed:
		v.Name, v.Reason = Cold, "the build failed before its first step was done"
	case hits > 0:
		v.Name, v.Reason = PartlyUsed, e.partlyReason(v, counted-hits, counted)
	default:
		v.Name, v.Reason, v.Help = e.judgeNoHits(v.Misses)
	}
	if clash := e.clash(); clash != nil && (!clash.SameSource || v.Name != Used) {
		v.Warnings = append(v.Warnings, fmt.Sprintf("the cache %s was last written by the build of %s, and builds of this image replace it: give each image a cache of its own with %s", e.Export, clash.Writer, e.OwnCache))
	}
	return v
}

// clash returns the other image whose build wrote the cache that this build writes, or nil.
func (e Evidence) clash() *cache.Clash {
	if e.Refresh {
		return nil
	}
	writer := e.Writer
	writer.Arguments = e.Inputs.Arguments
	return e.Records[e.Export].Clash(writer, e.Inputs.Dockerfile)
}

// The values of Verdict.HitsFrom.
const (
	// FromCache means the cache at the refs.
	FromCache = "cache"
	// FromBuilder means the builder's own cache.
	FromBuilder = "builder"
	// FromJob means the builder that earlier builds of the same job used, and FromCacheAndJob that others came from the
	// refs.
	FromJob         = "job"
	FromCacheAndJob = "cache-and-job"
	// FromEither means that it is not known which of them.
	FromEither = "either"
)

var origins = map[string]string{
	FromCache:       "the cache",
	FromBuilder:     "the builder's own cache, not from the configured cache",
	FromJob:         "earlier builds of this job, not from the configured cache",
	FromCacheAndJob: "the cache and earlier builds of this job",
	FromEither:      "the cache or the builder's own cache",
}

// hitsFrom returns where the cached steps came from: not from the builder if it started empty, and not from
// the refs if none could be read.
func (e Evidence) hitsFrom() string {
	hits, earlier := 0, 0
	for _, step := range e.Steps {
		if step.Cached && !step.IsFrom() {
			hits++
			if step.Earlier {
				earlier++
			}
		}
	}
	switch {
	case earlier > 0 && earlier == hits:
		return FromJob
	case e.FreshBuilder && earlier > 0:
		return FromCacheAndJob
	case e.FreshBuilder:
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
		text += fmt.Sprintf(", starting with %s because %s", outline.Short(e.Steps[miss.Step].Instruction), miss.Cause)
	}
	if cause, _, ok := e.firstImportFailure(); ok {
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

// warnings returns a warning for each cause why caches could not be read. It names the caches.
func warnings(e Evidence) []string {
	var causes []string
	refs := map[string][]string{}
	for _, attempt := range e.Imports {
		if cause, _ := e.importFailure(attempt); cause != "" {
			if refs[cause] == nil {
				causes = append(causes, cause)
			}
			refs[cause] = append(refs[cause], attempt.Ref)
		}
	}
	var all []string
	for _, cause := range causes {
		caches := "cache"
		if len(refs[cause]) > 1 {
			caches = "caches"
		}
		all = append(all, fmt.Sprintf("the %s %s could not be read: %s", caches, strings.Join(refs[cause], " and "), cause))
	}
	return all
}
