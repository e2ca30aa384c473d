// Package report holds the results of a build and writes them: report.json, whose fields are a contract
// (schema.json), Markdown, an HTML page, the lines at the end of the log, the test cases of a CodeBuild
// report group, a GitHub Actions summary, and the variables that a CodeBuild build exports.
package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"time"

	"github.com/layercache/layercache/internal/report/escape"
)

// Schema is the JSON Schema of report.json. Fields are added to it, never renamed.
//
//go:embed schema.json
var Schema []byte

// File is the report's name in the report folder.
const File = "report.json"

// Report is what the cache did for one build, or for all targets of `layercache bake`.
type Report struct {
	// Target is the name of the target in the bake file. It is empty for other builds.
	Target string `json:"target,omitempty"`
	// Verdict is what the cache did: "used", "partly-used", "cold", "missing", "import-failed", "overwritten" or "off".
	Verdict string `json:"verdict"`
	// VerdictReason explains the verdict in half a sentence.
	VerdictReason string `json:"verdictReason"`
	// App names what is built. It is the first part of the cache tag.
	App string `json:"app"`
	// Exported is whether the cache was written: "yes", "unchanged" (there was nothing new to write), "failed" or "off".
	Exported string `json:"exported"`
	// Policy is what LAYERCACHE_POLICY=act chose. It is nil if nothing was to choose.
	Policy *Policy `json:"policy,omitempty"`
	// HitRatio is the share of the steps that came from a cache, 0 to 1. It is nil if no step can be cached.
	HitRatio *float64 `json:"hitRatio"`
	// HitsFrom is where the cached steps came from: "cache" (the caches that were imported), "builder" (the builder's own
	// cache of earlier builds), "job" (earlier builds of the same job), "cache-and-job" if it was both, or "either" if it
	// is not known which. It is empty if no step was cached.
	HitsFrom string `json:"hitsFrom,omitempty"`
	// StartedAt is when the helper started. The starts of steps and activities are seconds after it.
	StartedAt time.Time `json:"startedAt,omitzero"`
	// Steps are the Dockerfile's steps that finished, cached or run.
	Steps []Step `json:"steps"`
	// Misses are the first steps that had to run, at most one for each stage and platform.
	Misses []Miss `json:"misses,omitempty"`
	// Mounts are the cache mounts (RUN --mount=type=cache) that steps used, and that are kept with the cache.
	Mounts []Mount `json:"mounts,omitempty"`
	// MountsNotKept is why the cache mounts of the steps were not kept with the cache. It is empty if they were, or
	// if no step used one.
	MountsNotKept string `json:"mountsNotKept,omitempty"`
	// Activities are the work outside the steps: pulls, pushes, import and export of the cache, the build
	// context, restores and saves of cache mounts.
	Activities []Activity `json:"activities,omitempty"`
	// Caches are the caches that the build looked for, the preferred one first. It imports the first that exists.
	Caches []Cache `json:"caches,omitempty"`
	// Seconds is the wall-clock time that each part added.
	Seconds Seconds `json:"seconds"`
	// SavedSeconds is the time that the cache saved, less OverheadSeconds. It is nil if not known.
	SavedSeconds *float64 `json:"savedSeconds"`
	// CriticalPath has the figures behind SavedSeconds. It is nil if they are not known.
	CriticalPath *CriticalPath `json:"criticalPath,omitempty"`
	// OverheadSeconds is the time that import and export of the cache added.
	OverheadSeconds float64 `json:"overheadSeconds"`
	// ThrottledSeconds is how long the build waited because a registry, or the API that signs in to it,
	// throttled requests.
	ThrottledSeconds float64 `json:"throttledSeconds,omitempty"`
	// Worth is whether the cache is worth its cost: "keep", "drop" or "unknown".
	Worth string `json:"worth"`
	// Reason explains Worth.
	Reason string `json:"reason"`
	// Cost is what the cache saves and costs, in US dollars.
	Cost Cost `json:"cost"`
	// Builder is the builder's name.
	Builder string `json:"builder"`
	// BuilderReason is why the builder was chosen.
	BuilderReason string `json:"builderReason"`
	// Frontend is the image that parsed the Dockerfile and named the steps (`# syntax=`, BUILDKIT_SYNTAX). It
	// is empty if the builder's own frontend did.
	Frontend string `json:"frontend,omitempty"`
	// Refs are the addresses of the caches of the build.
	Refs Refs `json:"refs"`
	// Image is the digest of the built image. It is empty if buildx did not report one.
	Image string `json:"imageDigest,omitempty"`
	// Warnings are the warnings in the log of the build.
	Warnings []string `json:"warnings"`
	// ExitCode is the exit status of buildx.
	ExitCode int `json:"exitCode"`
	// Failure is why the build failed. It is nil if it did not, or if the reason is not known.
	Failure *Failure `json:"failure,omitempty"`
	// Help is what to do about the failure or, in a build that succeeded, about the cache. It is nil if there is nothing to
	// do.
	Help *Help `json:"help,omitempty"`
	// Targets are the reports of the targets of `layercache bake`, by name. A report with targets has no steps, misses,
	// caches and refs of its own: its targets have them.
	Targets []*Report `json:"targets,omitempty"`
}

// Policy is what LAYERCACHE_POLICY=act chose for a build.
type Policy struct {
	// Choice is "all" for the layers of all stages, "final" for those of the last stage, or "none" for no cache.
	Choice string `json:"choice"`
	// Trial is true if the choice was only tried, to see what it saves now.
	Trial bool `json:"trial,omitempty"`
	// Reason is why, with the figures.
	Reason string `json:"reason"`
}

// The values of Policy.Choice, in words.
var choiceWords = map[string]string{"all": "all layers", "final": "the last stage's layers", "none": "no cache"}

// PolicyLine returns one line about what was chosen. It is empty if nothing was to choose.
func (r *Report) PolicyLine() string {
	if r.Policy == nil {
		return ""
	}
	trial := ""
	if r.Policy.Trial {
		trial = " on trial"
	}
	return fmt.Sprintf("cache policy: %s%s: %s", cmp.Or(choiceWords[r.Policy.Choice], escape.Line(r.Policy.Choice)), trial, escape.Line(r.Policy.Reason))
}

// Failure is why a build failed.
type Failure struct {
	// Kind is "step", "pull", "push", "context" or "other".
	Kind string `json:"kind"`
	// Reason is a clause that says what failed.
	Reason string `json:"reason"`
}

// The kinds of failures.
const (
	FailureStep    = "step"
	FailurePull    = "pull"
	FailurePush    = "push"
	FailureContext = "context"
	FailureOther   = "other"
)

// Help is what to do about a problem.
type Help struct {
	// Advice is what to do.
	Advice string `json:"advice"`
	// Address is the URL of the section of the documentation that explains the problem.
	Address string `json:"address"`
}

// Step is one instruction of the Dockerfile.
type Step struct {
	// Stage is the name of the step's stage.
	Stage string `json:"stage"`
	// Platform is the platform that the step was built for. It is empty if the build has only one.
	Platform string `json:"platform,omitempty"`
	// Index is the number of the step in its stage, from 1.
	Index int `json:"index,omitempty"`
	// Total is the number of the stage's steps.
	Total int `json:"total,omitempty"`
	// Instruction is the instruction as BuildKit shows it.
	Instruction string `json:"instruction"`
	// Cached is whether the step came from a cache.
	Cached bool `json:"cached"`
	// Earlier is true for a cached step that an earlier build of the same job left in the builder.
	Earlier bool `json:"earlier,omitempty"`
	// Start is when the step started, in seconds after StartedAt of the report.
	Start float64 `json:"start"`
	// Seconds is how long it ran.
	Seconds float64 `json:"seconds"`
	// SavedSeconds is how long a cached step took when it last ran. It is nil if not known, and for steps
	// that ran.
	SavedSeconds *float64 `json:"savedSeconds"`
	// Error is why the step failed. It is empty if it did not.
	Error string `json:"error,omitempty"`
	// Tail is the end of the output of a step that failed. It is in no report, because it may contain what a
	// build's log hides.
	Tail string `json:"-"`
}

// Miss is the first step of a stage that had to run.
type Miss struct {
	// Step is the position of the step in the report's list of steps, from 0.
	Step int `json:"step"`
	// Cause is why it had to run, as a clause that follows "because". It may be "unknown".
	Cause string `json:"cause"`
	// Advice is the move of one instruction that would have kept the cache. It is empty if there is none.
	Advice string `json:"advice,omitempty"`
}

// The kinds of activities.
const (
	Pull    = "pull"
	Push    = "push"
	Import  = "import"
	Export  = "export"
	Context = "context"
	Restore = "restore"
	Save    = "save"
)

// Activity is work of the build outside its steps.
type Activity struct {
	// Kind is "pull", "push", "import", "export", "context", or for a cache mount "restore" or "save".
	Kind string `json:"kind"`
	// Label names it: an image, a layer, a cache ref, a mount's id.
	Label string `json:"label"`
	// Start is when it started, in seconds after StartedAt of the report.
	Start float64 `json:"start"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	// Bytes is the number of bytes transferred, 0 if not known.
	Bytes int64 `json:"bytes,omitempty"`
}

// Cache is a cache that the build looked for.
type Cache struct {
	// Ref is the address of the cache.
	Ref string `json:"ref"`
	// Found is what is at the address: "cache", "image", "absent", "no-repository" or "unknown".
	Found string `json:"found"`
	// Problem is why it could not be imported. It is empty if nothing went wrong.
	Problem string `json:"problem,omitempty"`
}

// CriticalPath is the length of the longest chain of steps that depend on each other.
type CriticalPath struct {
	// Without is the length if every step ran, the cached ones as long as they last took.
	Without float64 `json:"withoutCacheSeconds"`
	// With is the length in this build.
	With float64 `json:"withCacheSeconds"`
}

// Seconds are the parts of a build's time, each in seconds. Work that runs at the same time counts once: see
// docs/how-to/reports.md.
type Seconds struct {
	// Total is the helper's own run time, without the removal of the builder's files, which continues in the background.
	Total float64 `json:"total"`
	// Setup is the start of the builder.
	Setup float64 `json:"setup"`
	// Login is how much longer the sign-in to the registries took than the start of the builder.
	Login float64 `json:"login"`
	// Import is the import of the cache.
	Import float64 `json:"import"`
	// Build are the steps, with the pulls of base images and of cached layers.
	Build float64 `json:"build"`
	// Push is the export of the image.
	Push float64 `json:"push"`
	// Export is the export of the cache.
	Export float64 `json:"export"`
	// MountSave is how long the build waited for its cache mounts to be saved after everything else.
	MountSave float64 `json:"mountSave,omitempty"`
	// Finish is how long it took to stop the builder and to write the cache's record.
	Finish float64 `json:"finish,omitempty"`
}

// Cost is what the cache saves and costs, in US dollars.
type Cost struct {
	// SavedUSD is the price of SavedSeconds on the build machine. It is nil if not known.
	SavedUSD *float64 `json:"savedUSD"`
	// StorageUSDPerMonth is the price of storing CacheBytes for a month. It is nil if not known.
	StorageUSDPerMonth *float64 `json:"storageUSDPerMonth"`
	// CacheBytes is the size of the cache that this build wrote or found unchanged. It is nil if not known.
	CacheBytes *int64 `json:"cacheBytes,omitempty"`
	// NetUSDPer100Builds is what 100 builds like this one save, less the storage during the time of 100
	// builds. It is nil if not known.
	NetUSDPer100Builds *float64 `json:"netUSDPer100Builds,omitempty"`
	// Arithmetic shows how the figures were calculated, one line each.
	Arithmetic []string `json:"arithmetic,omitempty"`
}

// Refs are the addresses of the caches of a build.
type Refs struct {
	// Imports are the caches that the build looks for, the preferred one first.
	Imports []string `json:"imports"`
	// Export is the cache that the build writes, if it may.
	Export string `json:"export"`
}
