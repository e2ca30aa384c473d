package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cachemount/payoff"
	"github.com/layercache/layercache/internal/policy"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/outline"
)

// RecordVersion is the version of the format. Records of other versions are ignored.
const RecordVersion = 1

// Record describes a cache and the build that wrote it.
type Record struct {
	Version int       `json:"version"`
	Written time.Time `json:"written"`
	// App and Platform are those of the cache's scope.
	App      string `json:"app"`
	Platform string `json:"platform"`
	// Manifest and Config are the digests of the cache's manifest and config; empty for a cache outside a
	// registry.
	Manifest string `json:"manifest,omitempty"`
	Config   string `json:"config,omitempty"`
	// Pushed is when the manifest was first pushed; zero when not known.
	Pushed time.Time `json:"pushed,omitzero"`
	// Bytes is the size of the cache.
	Bytes int64 `json:"bytes,omitempty"`
	// LastStageOnly is true if the cache was written without the steps of other stages than the last.
	LastStageOnly bool `json:"lastStageOnly,omitempty"`
	// Inputs are the inputs of the build.
	Inputs Inputs `json:"inputs"`
	// Writer is what the build built. Earlier are those that wrote the cache before, the latest first.
	Writer  Writer   `json:"writer,omitzero"`
	Earlier []Writer `json:"earlier,omitempty"`
	// Steps are the Dockerfile's steps.
	Steps []RecordStep `json:"steps"`
	// Images are the images that the build used, with their digests: base images and those that steps take files from.
	Images []string `json:"images,omitempty"`
	// Mounts are the histories of the cache mounts that builds with this cache used.
	Mounts []payoff.MountHistory `json:"mounts,omitempty"`
	// Policy is what the last builds showed of the cache, if LAYERCACHE_POLICY was "act". nil if it never was.
	Policy *policy.History `json:"policy,omitempty"`
}

// Inputs are digests of a build's inputs, as far as they are cheap to compute.
type Inputs struct {
	// Dockerfile is the digest of the Dockerfile; empty when not known.
	Dockerfile string `json:"dockerfile,omitempty"`
	// Flags is the digest of the build's flags that affect the result.
	Flags string `json:"flags,omitempty"`
	// Arguments are the digests of the build arguments' values, by name.
	Arguments map[string]string `json:"arguments,omitempty"`
	// Outline is the Dockerfile's outline with the digests of the files that each step takes; nil when not known.
	Outline *outline.Outline `json:"outline,omitempty"`
	// Files are the digests of the files that the steps take; nil when not known.
	Files source.Digests `json:"files,omitempty"`
	// Manifests are the dependency manifests with which an installation reads no other file.
	Manifests []string `json:"manifests,omitempty"`
	// Remote is true for a build context that is not a local folder.
	Remote bool `json:"remote,omitempty"`
}

// Complete reports whether all inputs are known.
func (i Inputs) Complete() bool {
	return i.Dockerfile != "" && i.Flags != "" && i.Outline != nil && i.Outline.FilesKnown()
}

// Equal reports whether both are the same when written to a record.
func (i Inputs) Equal(other Inputs) bool {
	own, err := json.Marshal(i)
	if err != nil {
		return false
	}
	others, err := json.Marshal(other)
	return err == nil && bytes.Equal(own, others)
}

// RecordStep is one instruction and how long it took when it last ran. FetchSeconds is how long its result took to fetch
// from the cache when that was last necessary; 0 if it never was.
type RecordStep struct {
	Platform    string  `json:"platform,omitempty"`
	Stage       string  `json:"stage,omitempty"`
	Index       int     `json:"index"`
	Instruction string  `json:"instruction"`
	Seconds     float64 `json:"seconds"`

	FetchSeconds float64 `json:"fetchSeconds,omitempty"`
}

// RecordStore reads and writes one record.
type RecordStore interface {
	// Load returns nil when there is no record.
	Load(ctx context.Context) (*Record, error)
	Save(ctx context.Context, r *Record) error
}

// MergeSteps returns the steps of a new record. A step that ran has its new time, a cached step the time of
// the previous record. Steps of unknown time are left out.
func MergeSteps(steps []progress.Step, previous *Record) []RecordStep {
	var merged []RecordStep
	for _, step := range steps {
		entry := RecordStep{Platform: step.Platform, Stage: step.Stage, Index: step.Index, Instruction: step.Instruction, Seconds: step.Seconds}
		entry.FetchSeconds = previous.FetchSeconds(step)
		switch seconds, known := previous.Seconds(step); {
		case step.Ran && !step.IsFrom():
		case step.IsFrom() && known && !step.Unpacked:
			// BuildKit pulls a base image only when a step on it has to run. Otherwise it only resolves the
			// name.
			entry.Seconds = max(entry.Seconds, seconds)
		case step.IsFrom():
		case known:
			entry.Seconds = seconds
		default:
			continue
		}
		merged = append(merged, entry)
	}
	return merged
}

// Seconds returns how long the step took when it last ran. Steps are matched by stage and text. The text
// alone is enough if it occurs only once, because a stage without a name is known by its number, and numbers
// shift. The receiver may be nil.
func (r *Record) Seconds(step progress.Step) (seconds float64, known bool) {
	found, known := r.find(step)
	return found.Seconds, known
}

// FetchSeconds returns how long the step's result took to fetch, in this build if it was fetched, else in an
// earlier one; 0 if that is not known. The receiver may be nil.
func (r *Record) FetchSeconds(step progress.Step) float64 {
	if step.Cached && step.Seconds > 0 && !step.IsFrom() {
		return step.Seconds
	}
	found, _ := r.find(step)
	return found.FetchSeconds
}

func (r *Record) find(step progress.Step) (found RecordStep, known bool) {
	if r == nil {
		return RecordStep{}, false
	}
	var elsewhere []RecordStep
	for _, old := range r.Steps {
		if old.Instruction != step.Instruction || old.Platform != step.Platform {
			continue
		}
		if old.Stage == step.Stage {
			return old, true
		}
		elsewhere = append(elsewhere, old)
	}
	if len(elsewhere) == 1 {
		return elsewhere[0], true
	}
	return RecordStep{}, false
}

// maxMounts is the number of mounts that a record has at most.
const maxMounts = 64

// Mount returns the history of a mount. It is empty if the record has none. The receiver may be nil.
func (r *Record) Mount(id string) (history payoff.MountHistory, found bool) {
	if r != nil {
		for _, mount := range r.Mounts {
			if mount.ID == id {
				return mount, true
			}
		}
	}
	return payoff.MountHistory{ID: id}, false
}

// MergeMounts returns the mounts of a new record: those of this build, and those of the previous record that it
// did not use.
func MergeMounts(used []payoff.MountHistory, previous *Record) []payoff.MountHistory {
	merged := slices.Clone(used)
	if previous != nil {
		for _, mount := range previous.Mounts {
			if !slices.ContainsFunc(used, func(u payoff.MountHistory) bool { return u.ID == mount.ID }) {
				merged = append(merged, mount)
			}
		}
	}
	return merged[:min(len(merged), maxMounts)]
}

// encode leaves out the list of files if the record would be too large to be read again.
func encode(r *Record) ([]byte, error) {
	content, err := json.Marshal(r)
	if err != nil || len(content) < maxSize {
		return content, err
	}
	smaller := *r
	smaller.Inputs.Files = nil
	return json.Marshal(smaller)
}

func decode(content []byte) (*Record, error) {
	var format struct{ Version int }
	if err := json.Unmarshal(content, &format); err != nil {
		return nil, fmt.Errorf("the cache's record is damaged: %w", err)
	}
	if format.Version != RecordVersion {
		return nil, nil
	}
	var r Record
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("the cache's record is damaged: %w", err)
	}
	if r.Inputs.Outline != nil && r.Inputs.Outline.Form != outline.Form {
		r.Inputs.Outline = nil
	}
	return &r, nil
}
