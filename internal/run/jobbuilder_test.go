package run

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/source/outline"
)

func TestBuildsThatMayHaveCacheMounts(t *testing.T) {
	for _, c := range []struct {
		name       string
		dockerfile string
		args       []string
		want       bool
	}{
		{"no mount", "FROM a\nRUN make\n", nil, false},
		{"a cache mount", "FROM a\nRUN --mount=type=cache,target=/x make\n", nil, true},
		{"a type in capitals", "FROM a\nRUN --mount=type=CACHE,target=/x make\n", nil, true},
		{"a type in a variable", "FROM a\nARG T\nRUN --mount=type=$T,target=/x make\n", nil, true},
		{"another mount", "FROM a\nRUN --mount=type=secret,id=x make\n", nil, false},
		{"Docker's frontend", "# syntax=docker/dockerfile:1\nFROM a\n", nil, false},
		{"another frontend", "#  Syntax = example.com/frontend\nFROM a\n", nil, true},
		{"another frontend in a directive of its own language", "// syntax=example.com/frontend\nbuild a\n", nil, true},
		{"another frontend in JSON", `{"syntax": "example.com/frontend"}`, nil, true},
		{"another frontend in an argument", "FROM a\n", []string{"--build-arg", "BUILDKIT_SYNTAX=example.com/frontend"}, true},
		{"a Dockerfile that is not there", "", nil, true},
		{"a Dockerfile from the standard input", "FROM a\n", []string{"--file", "-"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.dockerfile != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(c.dockerfile), 0o600))
			}
			none := func(string) (string, bool) { return "", false }
			assert.Equal(t, c.want, mayHaveCacheMounts(Request{Dir: dir, LookupEnv: none}, buildx.ParseArgs(append(c.args, "."))))
		})
	}
	assert.True(t, mayHaveCacheMounts(Request{}, buildx.ParseArgs([]string{"https://example.com/shop.git"})), "a remote context")
}

func TestBuildsThatFetchTheirImage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want bool
	}{
		{"without an output", nil, false},
		{"for a registry", []string{"--output=type=image,push=true"}, false},
		{"that leave the image in the builder", []string{"--output=type=cacheonly"}, false},
		{"for Docker", []string{"--load"}, true},
		{"for a folder", []string{"--output=type=local,dest=out"}, true},
		{"for a registry and a folder", []string{"--output=type=registry", "--output=type=local,dest=out"}, true},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, fetchesImage(buildx.ParseArgs(append(c.args, ".")))) })
	}
}

func TestStepsThatABuildLeavesInTheBuilder(t *testing.T) {
	from := progress.Step{Stage: "deps", Instruction: "FROM a"}
	step := func(stage, instruction string, ran bool, inputs ...int) progress.Step {
		return progress.Step{Stage: stage, Instruction: instruction, Ran: ran, Cached: !ran, Inputs: inputs}
	}
	for _, c := range []struct {
		name  string
		whole bool
		steps []progress.Step
		want  []bool
	}{
		{"nothing of a build that only looked up its steps", false,
			[]progress.Step{from, step("deps", "RUN a", false, 0), step("last", "COPY --from=deps /a /a", false, 1)}, []bool{false, false, false}},
		{"the layers of an image that is not pushed", true,
			[]progress.Step{from, step("deps", "RUN a", false, 0), step("last", "COPY --from=deps /a /a", false, 1), step("last", "RUN b", false, 2)}, []bool{false, false, true, true}},
		{"a step that ran, and those that it needs", false,
			[]progress.Step{from, step("deps", "RUN a", false, 0), step("last", "COPY --from=deps /a /a", true, 1)}, []bool{true, true, true}},
		{"the stage that a stage with a step that ran starts from", false,
			[]progress.Step{from, step("deps", "RUN a", false, 0), step("last", "RUN b", false, 1), step("last", "RUN c", true, 2)}, []bool{true, true, true, true}},
		{"not what a cached step had copied before", false,
			[]progress.Step{from, step("deps", "RUN a", false, 0), step("last", "COPY --from=deps /a /a", false, 1), step("last", "RUN b", true, 2)}, []bool{false, false, true, true}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, leftInBuilder(c.steps, c.whole)) })
	}
}

func TestStepsOfABuildAtTheSameTime(t *testing.T) {
	dockerfile, err := outline.Parse([]byte("FROM a AS deps\nRUN make\nRUN test\nFROM b\nCOPY --from=deps /a /a\nRUN make\n"), outline.Options{})
	require.NoError(t, err)
	step := func(stage string, index int, instruction string, ran bool, inputs ...int) progress.Step {
		return progress.Step{Stage: stage, Index: index, Instruction: instruction, Ran: ran, Cached: !ran, Inputs: inputs}
	}
	earlier := func(step progress.Step) progress.Step {
		step.Earlier = true
		return step
	}
	for _, c := range []struct {
		name        string
		steps, want []progress.Step
	}{
		{"own steps stay, also with one instruction in two stages",
			[]progress.Step{step("deps", 2, "RUN make", true), step("stage-1", 3, "RUN make", false)},
			[]progress.Step{step("deps", 2, "RUN make", true), step("stage-1", 3, "RUN make", false)}},
		{"a step of another Dockerfile",
			[]progress.Step{earlier(step("", 2, "RUN test", false)), step("deps", 3, "RUN test", false, 0), step("stage-1", 2, "COPY --from=deps /a /a", true, 0, 1)},
			[]progress.Step{earlier(step("deps", 3, "RUN test", false)), step("stage-1", 2, "COPY --from=deps /a /a", true, 0)}},
		{"a step of another Dockerfile that still ran when the build began",
			[]progress.Step{step("", 2, "RUN test", true), step("deps", 3, "RUN test", false)},
			[]progress.Step{earlier(step("deps", 3, "RUN test", false))}},
		{"a step of another Dockerfile with the same stage",
			[]progress.Step{step("deps", 4, "RUN test", true), step("deps", 3, "RUN test", false)},
			[]progress.Step{earlier(step("deps", 3, "RUN test", false))}},
		{"a step that both share, which has the other's name",
			[]progress.Step{earlier(step("", 2, "RUN make", false)), step("deps", 3, "RUN test", true, 0)},
			[]progress.Step{earlier(step("", 2, "RUN make", false)), step("deps", 3, "RUN test", true, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := withoutTwins(c.steps, dockerfile)
			for i := range got {
				if len(got[i].Inputs) == 0 {
					got[i].Inputs = nil
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestStepsOfEarlierBuildsOfTheJob(t *testing.T) {
	imported := []progress.Import{{Ref: "cache"}}
	failed := []progress.Import{{Ref: "cache", Error: "not found"}}
	for _, c := range []struct {
		name       string
		imports    []progress.Import
		identities []string
		history    jobbuilder.StepOrigins
		earlier    []bool
		unknown    bool
	}{
		{"a builder that no other build has used", imported, []string{"", "a", "b"}, jobbuilder.StepOrigins{Alone: true, Complete: true}, []bool{false, false, false}, false},
		{"one of two steps was in the builder", imported, []string{"", "a", "b"}, jobbuilder.StepOrigins{Complete: true, Earlier: []string{"b"}}, []bool{false, false, true}, false},
		{"not all steps of the others are known", imported, []string{"", "a", "b"}, jobbuilder.StepOrigins{Earlier: []string{"b"}}, []bool{false, false, true}, true},
		{"a step may be from a build that still runs", imported, []string{"", "a", "b"}, jobbuilder.StepOrigins{Complete: true, Unsure: []string{"b"}}, []bool{false, false, false}, true},
		{"a step of this build is not known", imported, []string{"", "a", ""}, jobbuilder.StepOrigins{Complete: true}, []bool{false, false, false}, true},
		{"no cache could be read, so that all are from the builder", failed, []string{"", "a", ""}, jobbuilder.StepOrigins{}, []bool{false, true, true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			built := outcome{imports: c.imports, steps: []progress.Step{
				{Instruction: "FROM a", Cached: true}, {Instruction: "RUN a", Cached: true}, {Instruction: "RUN b", Cached: true},
			}}
			built.mark(c.identities, c.history)
			for i, step := range built.steps {
				assert.Equal(t, c.earlier[i], step.Earlier, step.Instruction)
			}
			assert.Equal(t, c.unknown, built.originsUnknown)
		})
	}
}

func TestAHitOfABuildThatReadNoCacheIsItsOwn(t *testing.T) {
	steps := func() []progress.Step {
		return []progress.Step{
			{Instruction: "FROM a", Cached: true}, {Instruction: "COPY a /", Ran: true, Seconds: 1},
			{Instruction: "COPY --from=0 /a /", Cached: true}, {Instruction: "RUN b", Cached: true, Earlier: true},
		}
	}
	own := outcome{steps: steps(), imports: []progress.Import{{Ref: "r", Error: "not found", Ended: true}}}
	own.dropOwnHits()
	want := steps()
	want[2].Cached, want[2].Ran = false, true
	assert.Equal(t, want, own.steps)

	cached := outcome{steps: steps(), imports: []progress.Import{{Ref: "r", Ended: true}}}
	cached.dropOwnHits()
	assert.Equal(t, steps(), cached.steps, "it may be from the cache that was read")
}
