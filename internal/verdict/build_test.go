package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/outline"
)

// build is a build of a test: a Dockerfile, the files of its context with their digests, and the arguments.
type build struct {
	dockerfile string
	files      map[string]string
	args       map[string]string
	flags      map[string]string
	contexts   map[string]string
	// images are the digests of images by name. The default is sha256:0123456789abcdef.
	images map[string]string
	// seconds are how long steps take, by the beginning of their text.
	seconds map[string]float64
	// manifests are those that are self-contained.
	manifests []string
	// downloads is the digest of what ADD downloads.
	downloads string
}

// clone returns a copy that a test changes.
func (b build) clone() build {
	b.files, b.args, b.flags, b.images, b.contexts = cloned(b.files), cloned(b.args), cloned(b.flags), cloned(b.images), cloned(b.contexts)
	return b
}

func cloned(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

func (b build) outline(t *testing.T) *outline.Outline {
	t.Helper()
	parsed, err := outline.Parse([]byte(b.dockerfile), outline.Options{Args: b.args, Flags: b.flags, Contexts: b.contexts})
	require.NoError(t, err)
	parsed.ContextSteps(func(step *outline.Step) {
		step.Files = "files:"
		for _, file := range slices.Sorted(maps.Keys(b.files)) {
			if source.Copied(file, step.Selections) {
				step.Files += file + b.files[file]
			}
		}
	})
	return parsed
}

func (b build) from(name string) string {
	digest := b.images[name]
	if digest == "" {
		digest = "sha256:0123456789abcdef"
	}
	return "FROM " + name + "@" + digest
}

// simulated is a build as BuildKit would run it: the steps, and the cache key of each.
type simulated struct {
	steps []progress.Step
	keys  []string
}

// simulate returns the steps of all built stages. The key of a step has all that its result depends on.
func (b build) simulate(o *outline.Outline) simulated {
	var s simulated
	ends := make([]int, len(o.Stages))
	for at, stage := range o.Stages {
		below := -1
		switch {
		case stage.Parent >= 0:
			below = ends[stage.Parent]
		case stage.Base != "scratch" && stage.Context == "" && stage.Built:
			below = s.add(progress.Step{Stage: stageName(o, at), Index: 1, Instruction: b.from(stage.Base), Ran: true}, b.from(stage.Base))
		}
		for i := range stage.Steps {
			if stage.Built {
				below = s.add(b.step(o, outline.Place{Stage: at, Step: i}, below, ends), s.key(b, o, &stage.Steps[i], below, ends)+stage.Base)
			}
		}
		ends[at] = below
	}
	return s
}

func (s *simulated) add(step progress.Step, key string) int {
	s.steps, s.keys = append(s.steps, step), append(s.keys, key)
	return len(s.steps) - 1
}

func stageName(o *outline.Outline, at int) string {
	switch {
	case len(o.Stages) == 1:
		return o.Stages[at].Name
	case o.Stages[at].Name == "":
		return fmt.Sprintf("stage-%d", at)
	}
	return o.Stages[at].Name
}

func (b build) step(o *outline.Outline, at outline.Place, below int, ends []int) progress.Step {
	planned := o.Step(at)
	step := progress.Step{Stage: stageName(o, at.Stage), Index: planned.Index, Instruction: planned.Text}
	if planned.OnBuild {
		step.Instruction = "ONBUILD " + step.Instruction
	}
	if below >= 0 {
		step.Inputs = append(step.Inputs, below)
	}
	for _, from := range planned.From {
		if ends[from] >= 0 {
			step.Inputs = append(step.Inputs, ends[from])
		}
	}
	for prefix, seconds := range b.seconds {
		if strings.HasPrefix(planned.Text, prefix) {
			step.Seconds = seconds
		}
	}
	return step
}

func (s *simulated) key(b build, o *outline.Outline, step *outline.Step, below int, ends []int) string {
	key := fmt.Sprint(step.Keyword, step.Written, step.Documents, step.Files)
	for _, setting := range step.Settings {
		key += " " + o.Settings[setting].Name + o.Settings[setting].Value
	}
	if below >= 0 && !step.Link {
		key += " on " + s.keys[below]
	}
	for _, from := range step.From {
		if ends[from] >= 0 {
			key += " from " + s.keys[ends[from]]
		}
	}
	for _, image := range step.Images {
		key += b.from(image)
	}
	if step.Remote {
		key += b.downloads
	}
	return key
}

// record returns the record that the build leaves.
func (b build) record(t *testing.T) *cache.Record {
	t.Helper()
	return &cache.Record{
		Version: cache.RecordVersion, App: "shop", Platform: "linux/amd64", Written: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		Inputs: b.inputs(t), Images: b.allImages(t), Steps: cache.MergeSteps(b.allRan(t), nil),
	}
}

func (b build) allRan(t *testing.T) []progress.Step {
	steps := b.simulate(b.outline(t)).steps
	for i := range steps {
		steps[i].Ran = true
	}
	return steps
}

func (b build) inputs(t *testing.T) cache.Inputs {
	return cache.Inputs{
		Dockerfile: "d", Flags: "f", Outline: b.outline(t), Files: source.Digests(cloned(b.files)), Manifests: b.manifests,
	}
}

func (b build) allImages(t *testing.T) []string {
	var images []string
	add := func(name string) { images = append(images, strings.TrimPrefix(b.from(name), "FROM ")) }
	for _, stage := range b.outline(t).Stages {
		if stage.Parent < 0 {
			add(stage.Base)
		}
		for _, step := range stage.Steps {
			for _, image := range step.Images {
				add(image)
			}
		}
	}
	return images
}

// after returns the evidence of the build now, with the cache that the build before left.
func (now build) after(t *testing.T, before build) Evidence {
	t.Helper()
	old, s := before.simulate(before.outline(t)), now.simulate(now.outline(t))
	for i := range s.steps {
		if s.steps[i].IsFrom() {
			continue
		}
		s.steps[i].Cached = slices.Contains(old.keys, s.keys[i])
		s.steps[i].Ran = !s.steps[i].Cached
	}
	return Evidence{
		On: true, Refs: []string{ref}, App: "shop", Platform: "linux/amd64", FreshBuilder: true,
		States:  map[string]cache.State{ref: {Kind: cache.KindCache}},
		Records: map[string]*cache.Record{ref: before.record(t)},
		Inputs:  now.inputs(t), Images: now.allImages(t), Steps: s.steps,
	}
}
