// Package report is what a build is told about its cache: report.json, whose fields are a contract (schema.json beside this
// file); the same for people, as Markdown, as a page and as the lines at the end of the log; the test cases of a CodeBuild
// report group, a GitHub Actions summary, and the values that a CodeBuild build exports.
package report

import (
	_ "embed"
	"time"
)

// Schema is the JSON Schema of report.json. Fields are added to it, never renamed.
//
//go:embed schema.json
var Schema []byte

// File is the report's name in the report folder.
const File = "report.json"

// Report says what the cache did for one build.
type Report struct {
	// Verdict is one of the verdict package's values, VerdictReason says why in half a sentence.
	Verdict       string `json:"verdict"`
	VerdictReason string `json:"verdictReason"`
	// App is the first part of the cache tag: what is built.
	App string `json:"app"`
	// Exported is "yes", "unchanged", "failed" or "off".
	Exported string `json:"exported"`
	// HitRatio is the part of the steps that came from a cache, 0 to 1; nil where no step could have.
	HitRatio *float64 `json:"hitRatio"`
	// HitsFrom says where the cached steps came from: "cache" (the refs), "builder" (what the builder kept from earlier builds)
	// or "either" where both had a part or it cannot be told; empty where nothing was cached.
	HitsFrom string `json:"hitsFrom,omitempty"`
	// StartedAt is when the helper started; the times of steps and activities are seconds after it.
	StartedAt time.Time `json:"startedAt,omitzero"`
	// Steps are the Dockerfile's steps that this build met.
	Steps []Step `json:"steps"`
	// Misses are the first steps that had to run, one for each stage and platform, with why.
	Misses []Miss `json:"misses,omitempty"`
	// Activities are what a build does beside its steps: pulls, pushes, the cache's import and export, the context.
	Activities []Activity `json:"activities,omitempty"`
	// Caches are the refs that were read, with what was found.
	Caches []Cache `json:"caches,omitempty"`
	// Seconds is the wall-clock that each part added.
	Seconds Seconds `json:"seconds"`
	// SavedSeconds is what the cache saved, less OverheadSeconds; nil where it is not known.
	SavedSeconds *float64 `json:"savedSeconds"`
	// CriticalPath is the arithmetic of SavedSeconds; nil where it is not known.
	CriticalPath *CriticalPath `json:"criticalPath,omitempty"`
	// OverheadSeconds is what the cache cost in time: import and export.
	OverheadSeconds float64 `json:"overheadSeconds"`
	// Worth is "keep", "drop" or "unknown": whether the cache pays; Reason says why.
	Worth  string `json:"worth"`
	Reason string `json:"reason"`
	// Cost is money; its fields are nil where they are not known.
	Cost Cost `json:"cost"`
	// Builder is the builder that was taken, BuilderReason says why that one.
	Builder       string `json:"builder"`
	BuilderReason string `json:"builderReason"`
	// Frontend is the image that read the Dockerfile and named the steps (`# syntax=`, BUILDKIT_SYNTAX); empty where it was the
	// builder's own code.
	Frontend string `json:"frontend,omitempty"`
	// Refs are the caches that were read and written.
	Refs Refs `json:"refs"`
	// Image is the digest of what was built, where buildx told.
	Image string `json:"imageDigest,omitempty"`
	// Warnings are for people.
	Warnings []string `json:"warnings"`
	// ExitCode is the build's.
	ExitCode int `json:"exitCode"`
}

// Step is one instruction.
type Step struct {
	Stage    string `json:"stage"`
	Platform string `json:"platform,omitempty"`
	// Index counts the stage's steps from 1 to Total.
	Index       int    `json:"index,omitempty"`
	Total       int    `json:"total,omitempty"`
	Instruction string `json:"instruction"`
	Cached      bool   `json:"cached"`
	// Start is when the step started.
	Start float64 `json:"start"`
	// Seconds is how long it ran.
	Seconds float64 `json:"seconds"`
	// SavedSeconds is what a cached step took when it last ran; nil where it is not known, and for steps that ran.
	SavedSeconds *float64 `json:"savedSeconds"`
	// Error is why the step failed.
	Error string `json:"error,omitempty"`
}

// Miss is the first step of a stage that had to run.
type Miss struct {
	// Step is its place in Report.Steps.
	Step int `json:"step"`
	// Cause says why it had to run, as far as is known.
	Cause string `json:"cause"`
	// Advice is the order of steps that would have kept the cache, where moving one instruction would.
	Advice string `json:"advice,omitempty"`
}

// The kinds of activities.
const (
	Pull    = "pull"
	Push    = "push"
	Import  = "import"
	Export  = "export"
	Context = "context"
)

// Activity is a stretch of a build that is no step.
type Activity struct {
	// Kind is "pull", "push", "import", "export" or "context".
	Kind string `json:"kind"`
	// Label names it: an image, a layer, a cache ref.
	Label string `json:"label"`
	// Start is when it started, Seconds how long it took.
	Start   float64 `json:"start"`
	Seconds float64 `json:"seconds"`
	// Bytes is how much was moved, where that is known.
	Bytes int64 `json:"bytes,omitempty"`
}

// Cache is one ref that was read.
type Cache struct {
	Ref string `json:"ref"`
	// Found is "cache", "image", "absent", "no-repository" or "unknown".
	Found string `json:"found"`
	// Problem is why it could not be imported, in words.
	Problem string `json:"problem,omitempty"`
}

// CriticalPath is how long the longest chain of steps that wait for each other takes.
type CriticalPath struct {
	// Without is with every step run, the cached ones as long as they last took; With is as it was.
	Without float64 `json:"withoutCacheSeconds"`
	With    float64 `json:"withCacheSeconds"`
}

// Seconds are the parts of a build: Total is from the helper's start to its end.
type Seconds struct {
	Total  float64 `json:"total"`
	Setup  float64 `json:"setup"`
	Login  float64 `json:"login"`
	Import float64 `json:"import"`
	Build  float64 `json:"build"`
	Push   float64 `json:"push"`
	Export float64 `json:"export"`
}

// Cost is what the cache saved and costs in US dollars.
type Cost struct {
	// SavedUSD is what SavedSeconds cost on the build machine.
	SavedUSD *float64 `json:"savedUSD"`
	// StorageUSDPerMonth is what keeping CacheBytes costs.
	StorageUSDPerMonth *float64 `json:"storageUSDPerMonth"`
	// CacheBytes is the size of the cache that this build wrote or found unchanged.
	CacheBytes *int64 `json:"cacheBytes,omitempty"`
	// NetUSDPer100Builds is what 100 builds like this one save, less the storage for the time that they take to come.
	NetUSDPer100Builds *float64 `json:"netUSDPer100Builds,omitempty"`
	// Arithmetic shows how the figures were reached, a line each.
	Arithmetic []string `json:"arithmetic,omitempty"`
}

// Refs are cache refs.
type Refs struct {
	Imports []string `json:"imports"`
	Export  string   `json:"export"`
}
