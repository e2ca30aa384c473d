package verdict

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildcontext"
	"github.com/layercache/layercache/internal/cachestate"
	"github.com/layercache/layercache/internal/progress"
	"github.com/layercache/layercache/internal/record"
)

// The build before: a base, tools, manifests with their install, the sources and a second stage.
func before() *record.Record {
	return &record.Record{
		Version: record.Version, App: "shop", Platform: "linux/amd64", Written: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		Inputs: record.Inputs{
			Dockerfile: "d", Flags: "f", Arguments: map[string]string{"VERSION": "1"},
			Files: buildcontext.Digests{"package.json": "1", "src/main.js": "1", "logo.svg": "1"},
		},
		Steps: []record.Step{
			{Stage: "build", Index: 1, Instruction: "FROM node:22@sha256:0123456789abcdef"},
			{Stage: "build", Index: 2, Instruction: "COPY . .", Seconds: 1},
			{Stage: "build", Index: 3, Instruction: "RUN apk add git", Seconds: 5},
			{Stage: "build", Index: 4, Instruction: "RUN npm ci", Seconds: 30},
			{Stage: "build", Index: 5, Instruction: "COPY logo.svg /", Seconds: 1},
			{Stage: "stage-1", Index: 2, Instruction: "COPY --from=build /app /app", Seconds: 1},
		},
	}
}

// again is the same build, of which nothing is cached.
func again() Evidence {
	e := Evidence{
		On: true, Refs: []string{ref}, App: "shop", Platform: "linux/amd64", FreshBuilder: true,
		States:  map[string]cachestate.State{ref: {Kind: cachestate.Cache}},
		Records: map[string]*record.Record{ref: before()},
		Inputs:  before().Inputs,
	}
	e.Inputs.Files = buildcontext.Digests{"package.json": "1", "src/main.js": "1", "logo.svg": "1"}
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
		{"a file that changed, with an install that needs the manifests alone", func(e *Evidence) { e.Inputs.Files["src/main.js"] = "2"; e.drop("RUN apk add git") },
			"src/main.js changed", "copy the dependency manifests by themselves, then RUN npm ci, then COPY . .: 30.0 s would have stayed cached"},
		{"a manifest that changed", func(e *Evidence) { e.Inputs.Files["package.json"] = "2"; e.drop("RUN apk add git") }, "package.json changed", ""},
		{"a file that changed, with a step after it that reads none", func(e *Evidence) { e.Inputs.Files["src/main.js"] = "2"; e.drop("RUN npm ci") },
			"src/main.js changed", "move COPY . . below COPY logo.svg /: 2 more steps (6.0 s) would have stayed cached"},
		{"two files", func(e *Evidence) {
			e.Inputs.Files["src/main.js"] = "2"
			delete(e.Inputs.Files, "logo.svg")
			e.drop("RUN npm ci")
		}, "src/main.js changed, and logo.svg was removed",
			"move COPY . . below RUN apk add git: 1 more step (5.0 s) would have stayed cached"},
		{"many files", func(e *Evidence) { e.Inputs.Files = buildcontext.Digests{"a": "1", "b": "1"} }, "a was added, and 4 more files",
			"move COPY . . below RUN apk add git: 1 more step (5.0 s) would have stayed cached"},
		{"a new digest of the base image", func(e *Evidence) { e.Steps[0].Instruction = "FROM node:22@sha256:fedcba9876543210" },
			"the base image node:22 was updated (sha256:fedcba987654, was sha256:0123456789ab)", ""},
		{"another base image", func(e *Evidence) { e.Steps[0].Instruction = "FROM node:24@sha256:fedcba9876543210" }, "the base image is node:24 now, was node:22", ""},
		{"a text that changed", func(e *Evidence) { e.Steps[1].Instruction = "COPY src src" }, "its text changed, it was COPY . .", ""},
		{"a step that is new", func(e *Evidence) { e.Steps[1].Index, e.Steps[1].Instruction = 9, "COPY src src" }, "it is new", ""},
		{"a build argument of a RUN", func(e *Evidence) {
			e.Inputs.Arguments = map[string]string{"VERSION": "2"}
			e.Steps[1].Cached, e.Steps[1].Ran = true, false
		}, "the build argument VERSION changed", "declare ARG VERSION below RUN apk add git, which does not name it"},
		{"a line of the Dockerfile that is no step", func(e *Evidence) { e.Inputs.Dockerfile = "e" }, "the Dockerfile changed before it", ""},
		{"another flag of the build", func(e *Evidence) { e.Inputs.Flags = "g" }, "the arguments of the build changed", ""},
		{"nothing that is known", func(*Evidence) {}, "the cache holds no result of it", ""},
		{"nothing that was remembered", func(e *Evidence) { e.Records = nil }, "is not known", ""},
		{"a file of a bind mount", func(e *Evidence) {
			e.Inputs.Files["src/main.js"] = "2"
			e.Records[ref].Steps[1].Instruction, e.Steps[1].Instruction = "RUN --mount=type=bind,target=. make", "RUN --mount=type=bind,target=. make"
		}, "src/main.js changed", ""},
		{"another image or context that it copies from", func(e *Evidence) {
			e.Records[ref].Steps[1].Instruction, e.Steps[1].Instruction = "COPY --from=assets a /", "COPY --from=assets a /"
		}, "what it takes from assets has changed", ""},
		{"what an ADD fetches", func(e *Evidence) {
			e.Records[ref].Steps[1].Instruction, e.Steps[1].Instruction = "ADD https://example.com/a /", "ADD https://example.com/a /"
		}, "what it fetches has changed", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := again()
			c.change(&e)
			misses := Of(e).Misses
			require.NotEmpty(t, misses)
			assert.Contains(t, misses[0].Cause, c.cause)
			assert.Equal(t, c.advice, misses[0].Advice)
		})
	}
}

// drop takes a step out, here and in the record.
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

func TestAStageThatTakesFromAnotherNamesIt(t *testing.T) {
	misses := Of(again()).Misses
	require.Len(t, misses, 2)
	assert.Equal(t, "it takes from COPY logo.svg /, which had to run", misses[1].Cause)
	assert.Equal(t, 5, misses[1].Step)
}

func TestTheCauseIsInTheReason(t *testing.T) {
	e := again()
	e.Inputs.Files["src/main.js"] = "2"
	assert.Equal(t, "there is a cache, but all steps had to run, from COPY . . on because src/main.js changed", Of(e).Reason)
	e.Steps[4].Cached, e.Steps[4].Ran = true, false
	assert.Equal(t, "4 of 5 steps had to run, from COPY . . on because src/main.js changed", Of(e).Reason)
}

func TestWhyNothingIsThere(t *testing.T) {
	absent := map[string]cachestate.State{ref: {Kind: cachestate.Absent}}
	cases := []struct {
		name    string
		change  func(e *Evidence)
		verdict string
		reason  string
	}{
		{"never written", func(e *Evidence) { e.States, e.Records = absent, nil }, Cold, "there was no cache yet"},
		{"expired", func(e *Evidence) { e.States = absent }, Cold, "written on 2026-10-01 is gone: it expired or was deleted"},
		{"another app's", func(e *Evidence) { e.App = "other" }, Cold, "holds the cache of another app, shop"},
		{"another platform's", func(e *Evidence) { e.Platform = "linux/arm64" }, Cold, "holds a cache for linux/amd64, and this build is for linux/arm64"},
		{"incomplete", func(e *Evidence) { e.Imports = []progress.Import{{Ref: ref, Error: "blob sha256:1: not found"}} }, ImportFailed, "a part of it was deleted (404)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := again()
			c.change(&e)
			got := Of(e)
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
		{"a fresh builder has nothing of its own", true, "", FromCache},
		{"a builder that is kept, and a cache that was read", false, "", FromEither},
		{"a builder that is kept, and no cache", false, "connection refused", FromBuilder},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := Evidence{On: true, Refs: []string{ref}, Steps: steps(2, 0), FreshBuilder: c.fresh, Imports: []progress.Import{{Ref: ref, Error: c.err}}}
			got := Of(e)
			assert.Equal(t, c.want, got.HitsFrom)
			assert.Contains(t, got.Reason, origins[c.want])
		})
	}
}
