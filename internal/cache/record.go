package cache

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/source"
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
	// Bytes is the size of the cache.
	Bytes int64 `json:"bytes,omitempty"`
	// Inputs are the inputs of the build.
	Inputs Inputs `json:"inputs"`
	// Steps are the Dockerfile's steps.
	Steps []RecordStep `json:"steps"`
}

// Inputs are digests of a build's inputs, as far as they are cheap to compute.
type Inputs struct {
	// Dockerfile is the digest of the Dockerfile; empty when not known.
	Dockerfile string `json:"dockerfile,omitempty"`
	// Flags is the digest of the build's flags that affect the result.
	Flags string `json:"flags,omitempty"`
	// Arguments are the digests of the build arguments' values, by name.
	Arguments map[string]string `json:"arguments,omitempty"`
	// Files are the digests of the files of the context; nil when not known.
	Files source.Digests `json:"files,omitempty"`
}

// Complete reports whether all inputs are known.
func (i Inputs) Complete() bool { return i.Dockerfile != "" && i.Flags != "" && i.Files != nil }

// RecordStep is one instruction and how long it took when it last ran.
type RecordStep struct {
	Platform    string  `json:"platform,omitempty"`
	Stage       string  `json:"stage,omitempty"`
	Index       int     `json:"index"`
	Instruction string  `json:"instruction"`
	Seconds     float64 `json:"seconds"`
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
		switch seconds, known := previous.Seconds(step); {
		case step.Ran && !step.IsFrom():
		case step.IsFrom() && known:
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
	if r == nil {
		return 0, false
	}
	var found []float64
	for _, old := range r.Steps {
		if old.Instruction != step.Instruction || old.Platform != step.Platform {
			continue
		}
		if old.Stage == step.Stage {
			return old.Seconds, true
		}
		found = append(found, old.Seconds)
	}
	if len(found) == 1 {
		return found[0], true
	}
	return 0, false
}

func encode(r *Record) ([]byte, error) { return json.Marshal(r) }

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
	return &r, nil
}
