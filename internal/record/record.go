// Package record remembers, beside a cache, what the build that wrote the cache was given and how long its steps took. A later
// build learns from it what the cached steps would have cost, why a step had to run, and whether there is anything new to
// export.
package record

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/layercache/layercache/internal/buildcontext"
	"github.com/layercache/layercache/internal/progress"
)

// Version is the format's; a record of another version is passed over.
const Version = 1

// Record is what is remembered.
type Record struct {
	Version int       `json:"version"`
	Written time.Time `json:"written"`
	// App and Platform say whose cache it is.
	App      string `json:"app"`
	Platform string `json:"platform"`
	// Manifest is the digest of the cache's manifest, Config of its config; both are empty where the cache is in no registry.
	Manifest string `json:"manifest,omitempty"`
	Config   string `json:"config,omitempty"`
	// Bytes is the cache's size.
	Bytes int64 `json:"bytes,omitempty"`
	// Inputs is what the build was given.
	Inputs Inputs `json:"inputs"`
	// Steps are the Dockerfile's steps.
	Steps []Step `json:"steps"`
}

// Inputs are what a build is given, as far as it can be told cheaply.
type Inputs struct {
	// Dockerfile is the digest of the Dockerfile; empty where it is not known.
	Dockerfile string `json:"dockerfile,omitempty"`
	// Flags is the digest of the arguments of the build that change what is built.
	Flags string `json:"flags,omitempty"`
	// Arguments are the digests of the build arguments' values.
	Arguments map[string]string `json:"arguments,omitempty"`
	// Files are the context's; nil where they are not known.
	Files buildcontext.Digests `json:"files,omitempty"`
}

// Complete says that all of the inputs are known.
func (i Inputs) Complete() bool { return i.Dockerfile != "" && i.Flags != "" && i.Files != nil }

// Step is one instruction and how long it took when it last ran.
type Step struct {
	Platform    string  `json:"platform,omitempty"`
	Stage       string  `json:"stage,omitempty"`
	Index       int     `json:"index"`
	Instruction string  `json:"instruction"`
	Seconds     float64 `json:"seconds"`
}

// Store is where a record is kept.
type Store interface {
	// Load returns nil where there is no record.
	Load(ctx context.Context) (*Record, error)
	Save(ctx context.Context, r *Record) error
}

// StepsOf is what is to be remembered of a build's steps. What a cached step takes is known from the record before.
func StepsOf(steps []progress.Step, before *Record) []Step {
	var remembered []Step
	for _, step := range steps {
		entry := Step{Platform: step.Platform, Stage: step.Stage, Index: step.Index, Instruction: step.Instruction, Seconds: step.Seconds}
		switch seconds, known := before.Seconds(step); {
		case step.Ran && !step.IsFrom():
		case step.IsFrom() && known:
			// A base is pulled when a step on it has to run; otherwise it is only resolved.
			entry.Seconds = max(entry.Seconds, seconds)
		case step.IsFrom():
		case known:
			entry.Seconds = seconds
		default:
			continue
		}
		remembered = append(remembered, entry)
	}
	return remembered
}

// Seconds is how long the step took when it last ran, by its stage and text; a stage without a name is known by its number,
// which may shift, so the text alone counts where it is the only one. A nil record knows nothing.
func (r *Record) Seconds(step progress.Step) (seconds float64, known bool) {
	if r == nil {
		return 0, false
	}
	var found []float64
	for _, remembered := range r.Steps {
		if remembered.Instruction != step.Instruction || remembered.Platform != step.Platform {
			continue
		}
		if remembered.Stage == step.Stage {
			return remembered.Seconds, true
		}
		found = append(found, remembered.Seconds)
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
		return nil, fmt.Errorf("the record of the cache's steps is damaged: %w", err)
	}
	if format.Version != Version {
		return nil, nil
	}
	var r Record
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("the record of the cache's steps is damaged: %w", err)
	}
	return &r, nil
}
