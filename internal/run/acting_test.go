package run

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/policy"
	"github.com/layercache/layercache/internal/source/outline"
	"github.com/layercache/layercache/internal/variables"
)

func TestWhoseHistoryDecides(t *testing.T) {
	cases := []struct {
		name     string
		scope    cache.Scope
		fallback string
		want     []string
	}{
		{"the fallback branch decides for itself", cache.Scope{App: "a", Platform: "p", Branch: "main"}, "", []string{"h/c:a--p--main"}},
		{"and for a build without a branch", cache.Scope{App: "a", Platform: "p"}, "", []string{"h/c:a--p--main"}},
		{"another branch follows, and decides itself only if there is no history to follow", cache.Scope{App: "a", Platform: "p", Branch: "fix"}, "", []string{"h/c:a--p--main", "h/c:a--p--fix"}},
		{"a Git tag follows too", cache.Scope{App: "a", Platform: "p", Branch: "tag", FallbackFirst: true}, "", []string{"h/c:a--p--main", "h/c:a--p--tag"}},
		{"a pull request follows the release builds", cache.Scope{App: "a", Platform: "p", Branch: "fix"}, "h/release", []string{"h/release:a--p--main", "h/release:a--p--fix", "h/c:a--p--main", "h/c:a--p--fix"}},
		{"also one of a branch with the fallback branch's name", cache.Scope{App: "a", Platform: "p", Branch: "main"}, "h/release", []string{"h/release:a--p--main", "h/c:a--p--main"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := variables.Settings{Mode: variables.ModeRegistry, Repository: "h/c", FallbackRepository: c.fallback, FallbackBranch: "main", Layers: variables.LayersAll, Write: true}
			flags, err := cache.FlagsFromSettings(s, c.scope, cache.Output{}, func(string) (string, bool) { return "", false })
			require.NoError(t, err)
			b := &build{Request: Request{Settings: s}, scope: c.scope, flags: flags}
			assert.Equal(t, c.want, b.decidingRefs())
		})
	}
}

const observedDockerfile = `FROM base AS build
RUN install
COPY src src
RUN compile

FROM base
RUN setup
COPY --from=build /program /program
`

// observedInputs are the inputs of a build of observedDockerfile, whose files have the digest.
func observedInputs(t *testing.T, files string) cache.Inputs {
	t.Helper()
	parsed, err := outline.Parse([]byte(observedDockerfile), outline.Options{})
	require.NoError(t, err)
	parsed.ContextSteps(func(step *outline.Step) { step.Files = files })
	return cache.Inputs{Dockerfile: "d", Flags: "f", Outline: parsed}
}

func observedBuild() []progress.Step {
	return []progress.Step{
		{Stage: "build", Index: 1, Instruction: "FROM base@sha256:1", Ran: true, Seconds: 1},
		{Stage: "build", Index: 2, Instruction: "RUN install", Ran: true, Seconds: 10, Inputs: []int{0}},
		{Stage: "build", Index: 3, Instruction: "COPY src src", Ran: true, Seconds: 1, Inputs: []int{1}},
		{Stage: "build", Index: 4, Instruction: "RUN compile", Ran: true, Seconds: 20, Inputs: []int{2}},
		{Stage: "stage-1", Index: 1, Instruction: "FROM base@sha256:1", Ran: true, Seconds: 1},
		{Stage: "stage-1", Index: 2, Instruction: "RUN setup", Ran: true, Seconds: 5, Inputs: []int{4}},
		{Stage: "stage-1", Index: 3, Instruction: "COPY --from=build /program /program", Ran: true, Seconds: 1, Inputs: []int{5, 3}},
	}
}

func TestWhatABuildWithoutACacheShows(t *testing.T) {
	record := func(inputs cache.Inputs) *cache.Record {
		return &cache.Record{Inputs: inputs, Steps: cache.MergeSteps(observedBuild(), nil)}
	}
	other := observedBuild()
	other[0].Instruction, other[4].Instruction = "FROM base@sha256:2", "FROM base@sha256:2"
	cases := []struct {
		name   string
		steps  []progress.Step
		before *cache.Record
		kept   []bool
		known  bool
	}{
		{"a changed source", observedBuild(), record(observedInputs(t, "old")), []bool{true, true, false, false, true, true, false}, true},
		{"nothing changed", observedBuild(), record(observedInputs(t, "new")), []bool{true, true, true, true, true, true, true}, true},
		{"a new base image", other, record(observedInputs(t, "new")), []bool{false, false, false, false, false, false, false}, true},
		{"no record", observedBuild(), nil, make([]bool, 7), false},
		{"a record without inputs", observedBuild(), record(cache.Inputs{}), make([]bool, 7), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			known := knownCaches{flags: cache.Flags{Refs: cache.Refs{Imports: []string{"r"}, Export: "r"}}, records: map[string]*cache.Record{"r": c.before}, inputs: observedInputs(t, "new")}
			steps, keptKnown := observedSteps(c.steps, known, c.before, policy.None, "")
			var kept, last []bool
			for i, step := range steps {
				kept, last = append(kept, step.Kept), append(last, step.Last)
				assert.Equal(t, c.steps[i].Seconds, *step.Run)
			}
			assert.Equal(t, c.known, keptKnown)
			assert.Equal(t, c.kept, kept)
			assert.Equal(t, []bool{false, false, false, true, true}, slices.Concat(last[1:4], last[5:]))
		})
	}
}

func TestWhichBuildsAct(t *testing.T) {
	act := variables.Settings{Policy: variables.PolicyAct}
	refreshing := act
	refreshing.Refresh = true
	registry := cache.Flags{InRegistry: true}
	cases := []struct {
		name    string
		build   build
		acts    bool
		warning string
	}{
		{"as set", build{Request: Request{Settings: act}, flags: registry}, true, ""},
		{"advise", build{Request: Request{Settings: variables.Settings{Policy: variables.PolicyAdvise}}, flags: registry}, false, ""},
		{"a cache that is ignored", build{Request: Request{Settings: refreshing}, flags: registry}, false, ""},
		{"--no-cache", build{Request: Request{Settings: act}, flags: registry, args: buildx.ParseArgs([]string{"--no-cache", "."})}, false, ""},
		{"--no-cache-filter", build{Request: Request{Settings: act}, flags: registry, args: buildx.ParseArgs([]string{"--no-cache-filter=build", "."})}, false, ""},
		{"no cache", build{Request: Request{Settings: act}}, false, ""},
		{"a builder with a cache of its own", build{Request: Request{Settings: act}, flags: registry, builder: activeBuilder{kind: variables.BuilderDocker}}, false, "has no effect on the builder docker"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.build.warnings = &warnings{}
			if c.build.builder.kind == "" {
				c.build.builder.kind = variables.BuilderNative
			}
			assert.Equal(t, c.acts, c.build.acts())
			if c.warning == "" {
				assert.Empty(t, c.build.all())
				return
			}
			require.Len(t, c.build.all(), 1)
			assert.Contains(t, c.build.all()[0], c.warning)
		})
	}
}
