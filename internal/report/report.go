// Package report is what a build is told about its cache: report.json, whose fields are a contract (schema.json beside this
// file), the lines at the end of the log, and the values that a CodeBuild build exports.
package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
	// Steps are the Dockerfile's steps that this build met.
	Steps []Step `json:"steps"`
	// Seconds is the wall-clock that each part added.
	Seconds Seconds `json:"seconds"`
	// SavedSeconds is what the cache saved; nil where it is not known.
	SavedSeconds *float64 `json:"savedSeconds"`
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
	Stage        string   `json:"stage"`
	Platform     string   `json:"platform,omitempty"`
	Instruction  string   `json:"instruction"`
	Cached       bool     `json:"cached"`
	Seconds      float64  `json:"seconds"`
	SavedSeconds *float64 `json:"savedSeconds"`
	// Error is why the step failed.
	Error string `json:"error,omitempty"`
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
	SavedUSD           *float64 `json:"savedUSD"`
	StorageUSDPerMonth *float64 `json:"storageUSDPerMonth"`
}

// Refs are cache refs.
type Refs struct {
	Imports []string `json:"imports"`
	Export  string   `json:"export"`
}

// Write puts report.json, junit.xml and exports.env into dir, which is made if need be.
func (r *Report) Write(dir string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the report: %w; set LAYERCACHE_REPORT_DIR to a folder that can be written", err)
	}
	cases, err := r.junit()
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	files := map[string][]byte{File: append(content, '\n'), "junit.xml": cases, "exports.env": r.exports()}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("write the report: %w; set LAYERCACHE_REPORT_DIR to a folder that can be written", err)
		}
	}
	return nil
}

// Read reads a report.json.
func Read(path string) (*Report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("read the report %s: %w", path, err)
	}
	return &r, nil
}

// exports are shell assignments for CodeBuild's exported variables. A shell reads them, so no value may hold text from
// outside: all are words of ours, numbers or a digest.
func (r *Report) exports() []byte {
	ratio := "unknown"
	if r.HitRatio != nil {
		ratio = strconv.FormatFloat(*r.HitRatio, 'f', 2, 64)
	}
	digest := r.Image
	if !isDigest(digest) {
		digest = "unknown"
	}
	return fmt.Appendf(nil, "LAYERCACHE_VERDICT=%s\nLAYERCACHE_HIT_RATIO=%s\nLAYERCACHE_EXPORTED=%s\nLAYERCACHE_SECONDS=%.1f\nLAYERCACHE_IMAGE_DIGEST=%s\n",
		r.Verdict, ratio, r.Exported, r.Seconds.Total, digest)
}
