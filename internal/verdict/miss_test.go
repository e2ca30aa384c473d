package verdict

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
)

// before is the record of the previous build: a base image, a copy of the sources, tools, an install and a
// second stage.
func before() *cache.Record {
	return &cache.Record{
		Version: cache.RecordVersion, App: "shop", Platform: "linux/amd64", Written: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		Inputs: cache.Inputs{
			Dockerfile: "d", Flags: "f", Arguments: map[string]string{"VERSION": "1"},
			Files: source.Digests{"package.json": "1", "src/main.js": "1", "logo.svg": "1"},
		},
		Steps: []cache.RecordStep{
			{Stage: "build", Index: 1, Instruction: "FROM node:22@sha256:0123456789abcdef"},
			{Stage: "build", Index: 2, Instruction: "COPY . .", Seconds: 1},
			{Stage: "build", Index: 3, Instruction: "RUN apk add git", Seconds: 5},
			{Stage: "build", Index: 4, Instruction: "RUN npm ci", Seconds: 30},
			{Stage: "build", Index: 5, Instruction: "COPY logo.svg /", Seconds: 1},
			{Stage: "stage-1", Index: 2, Instruction: "COPY --from=build /app /app", Seconds: 1},
		},
	}
}

// again is the same build with nothing cached.
func again() Evidence {
	e := Evidence{
		On: true, Refs: []string{ref}, App: "shop", Platform: "linux/amd64", FreshBuilder: true,
		States:  map[string]cache.State{ref: {Kind: cache.KindCache}},
		Records: map[string]*cache.Record{ref: before()},
		Inputs:  before().Inputs,
	}
	e.Inputs.Files = source.Digests{"package.json": "1", "src/main.js": "1", "logo.svg": "1"}
	for i, step := range before().Steps {
		next := progress.Step{Stage: step.Stage, Index: step.Index, Instruction: step.Instruction, Seconds: step.Seconds, Ran: true}
		if i > 0 {
			next.Inputs = []int{i - 1}
		}
		e.Steps = append(e.Steps, next)
	}
	return e
}

func TestCausesOfMisses(t *testing.T) {
	cases := []struct {
		name   string
		change func(e *Evidence)
		cause  string
		advice string
	}{
		{"a file changed, and the install after it needs only the manifests", func(e *Evidence) { e.Inputs.Files["src/main.js"] = "2"; e.drop("RUN apk add git") },
			"src/main.js changed", "copy the dependency manifests first, then RUN npm ci, then COPY . .: 30.0 s of work would have stayed cached"},
		{"a manifest changed", func(e *Evidence) { e.Inputs.Files["package.json"] = "2"; e.drop("RUN apk add git") }, "package.json changed", ""},
		{"a file changed, and the steps after it do not need it", func(e *Evidence) { e.Inputs.Files["src/main.js"] = "2"; e.drop("RUN npm ci") },
			"src/main.js changed", "move COPY . . below COPY logo.svg /: 2 more steps (6.0 s) would have stayed cached"},
		{"two files changed", func(e *Evidence) {
			e.Inputs.Files["src/main.js"] = "2"
			delete(e.Inputs.Files, "logo.svg")
			e.drop("RUN npm ci")
		}, "src/main.js changed, and logo.svg was removed",
			"move COPY . . below RUN apk add git: 1 more step (5.0 s) would have stayed cached"},
		{"many files changed", func(e *Evidence) { e.Inputs.Files = source.Digests{"a": "1", "b": "1"} }, "a was added, and 4 more files",
			"move COPY . . below RUN apk add git: 1 more step (5.0 s) would have stayed cached"},
		{"the base image has a new digest", func(e *Evidence) { e.Steps[0].Instruction = "FROM node:22@sha256:fedcba9876543210" },
			"the base image node:22 was updated (sha256:fedcba987654, was sha256:0123456789ab)", ""},
		{"another base image is used", func(e *Evidence) { e.Steps[0].Instruction = "FROM node:24@sha256:fedcba9876543210" }, "the base image changed from node:22 to node:24", ""},
		{"the instruction changed", func(e *Evidence) { e.Steps[1].Instruction = "COPY src src" }, "its text changed (was COPY . .)", ""},
		{"the step is new", func(e *Evidence) { e.Steps[1].Index, e.Steps[1].Instruction = 9, "COPY src src" }, "it is a new step", ""},
		{"a build argument changed", func(e *Evidence) {
			e.Inputs.Arguments = map[string]string{"VERSION": "2"}
			e.Steps[1].Cached, e.Steps[1].Ran = true, false
		}, "the build argument VERSION changed", "declare ARG VERSION below RUN apk add git, which does not use it"},
		{"a line of the Dockerfile that is not a step changed", func(e *Evidence) { e.Inputs.Dockerfile = "e" }, "the Dockerfile changed above it", ""},
		{"a flag of the build changed", func(e *Evidence) { e.Inputs.Flags = "g" }, "the flags of the build changed", ""},
		{"no known input changed", func(*Evidence) {}, "the cache has no result of it", ""},
		{"there is no record", func(e *Evidence) { e.Records = nil }, "are not known", ""},
		{"a file of a bind mount changed", func(e *Evidence) {
			e.Inputs.Files["src/main.js"] = "2"
			e.Records[ref].Steps[1].Instruction, e.Steps[1].Instruction = "RUN --mount=type=bind,target=. make", "RUN --mount=type=bind,target=. make"
		}, "src/main.js changed", ""},
		{"another image or context that it copies from changed", func(e *Evidence) {
			e.Records[ref].Steps[1].Instruction, e.Steps[1].Instruction = "COPY --from=assets a /", "COPY --from=assets a /"
		}, "the files from assets changed", ""},
		{"the content of an ADD URL changed", func(e *Evidence) {
			e.Records[ref].Steps[1].Instruction, e.Steps[1].Instruction = "ADD https://example.com/a /", "ADD https://example.com/a /"
		}, "the content of its URL changed", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := again()
			c.change(&e)
			misses := Decide(e).Misses
			require.NotEmpty(t, misses)
			assert.Contains(t, misses[0].Cause, c.cause)
			assert.Equal(t, c.advice, misses[0].Advice)
		})
	}
}

// drop removes a step from the build; the record keeps it.
func (e *Evidence) drop(instruction string) {
	var steps []progress.Step
	for _, step := range e.Steps {
		if step.Instruction != instruction {
			step.Inputs = []int{max(0, len(steps)-1)}
			steps = append(steps, step)
		}
	}
	steps[0].Inputs = nil
	e.Steps = steps
}

func TestAStageThatDependsOnAMissInAnotherNamesIt(t *testing.T) {
	misses := Decide(again()).Misses
	require.Len(t, misses, 2)
	assert.Equal(t, "it depends on COPY logo.svg /, which had to run", misses[1].Cause)
	assert.Equal(t, 5, misses[1].Step)
}

func TestTheCauseIsInTheReason(t *testing.T) {
	e := again()
	e.Inputs.Files["src/main.js"] = "2"
	assert.Equal(t, "there is a cache, but every step had to run, starting with COPY . . because src/main.js changed", Decide(e).Reason)
	e.Steps[4].Cached, e.Steps[4].Ran = true, false
	assert.Equal(t, "4 of 5 steps had to run, starting with COPY . . because src/main.js changed", Decide(e).Reason)
}

func TestWhyNothingIsThere(t *testing.T) {
	absent := map[string]cache.State{ref: {Kind: cache.KindAbsent}}
	cases := []struct {
		name    string
		change  func(e *Evidence)
		verdict string
		reason  string
	}{
		{"never written", func(e *Evidence) { e.States, e.Records = absent, nil }, Cold, "there is no cache yet"},
		{"expired", func(e *Evidence) { e.States = absent }, Cold, "written on 2026-10-01 is gone: it expired or was deleted"},
		{"another app's", func(e *Evidence) { e.App = "other" }, Cold, "holds the cache of another app, shop"},
		{"another platform's", func(e *Evidence) { e.Platform = "linux/arm64" }, Cold, "holds a cache for linux/amd64, but this build is for linux/arm64"},
		{"incomplete", func(e *Evidence) { e.Imports = []progress.Import{{Ref: ref, Error: "blob sha256:1: not found"}} }, ImportFailed, "a part of it was deleted (404)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := again()
			c.change(&e)
			got := Decide(e)
			assert.Equal(t, c.verdict, got.Name)
			assert.Contains(t, got.Reason, c.reason)
		})
	}
}

func TestWhereHitsComeFrom(t *testing.T) {
	cases := []struct {
		name  string
		fresh bool
		err   string
		want  string
	}{
		{"a fresh builder has no cache of its own", true, "", FromCache},
		{"a reused builder, and a cache that was read", false, "", FromEither},
		{"a reused builder, and no cache could be read", false, "connection refused", FromBuilder},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := Evidence{On: true, Refs: []string{ref}, Steps: steps(2, 0), FreshBuilder: c.fresh, Imports: []progress.Import{{Ref: ref, Error: c.err}}}
			got := Decide(e)
			assert.Equal(t, c.want, got.HitsFrom)
			assert.Contains(t, got.Reason, origins[c.want])
		})
	}
}
