package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

func TestACacheMountIsRecognizedInTheTextOfAStep(t *testing.T) {
	cases := []struct {
		name, instruction string
		want              bool
	}{
		{"the type first", "RUN --mount=type=cache,target=/root/.npm npm ci", true},
		{"the type last", "RUN --mount=target=/root/.npm,type=cache npm ci", true},
		{"after another mount", "RUN --mount=type=bind,target=/src --mount=type=cache,target=/x make", true},
		{"after another flag", "RUN --network=none --mount=type=cache,target=/x make", true},
		{"in capitals", "run --mount=Type=CACHE,target=/x make", true},
		{"in quotes", `RUN --mount="type=cache,target=/x" make`, true},
		{"a quoted field with a comma and a blank", `RUN --mount=\"target=/a,b\",type=cache make`, true},
		{"a quoted path with a blank before it", `RUN --mount='type=bind,target=/my src' --mount=type=cache,target=/x make`, true},
		{"on a line of its own", "RUN \t--mount=type=cache,target=/x\n  make", true},
		{"with a heredoc", "RUN --mount=type=cache,target=/x <<EOF (make)", true},
		{"no mount", "RUN make", false},
		{"nothing but the word", "RUN", false},
		{"a bind mount", "RUN --mount=type=bind,target=/x make", false},
		{"a mount without a type, which is a bind mount", "RUN --mount=target=/x make", false},
		{"a path with the words", "RUN --mount=type=bind,target=/type=cache make", false},
		{"the words in the command", "RUN docker build --mount=type=cache .", false},
		{"the words in the command after a single dash", "RUN -x --mount=type=cache,target=/x", false},
		{"the words after two dashes", "RUN -- --mount=type=cache,target=/x", false},
		{"another instruction", "COPY --mount=type=cache . .", false},
		{"a word that begins with RUN", "RUNNER --mount=type=cache,target=/x", false},
		{"a quote that does not end", `RUN --mount="type=cache`, false},
		{"fields that are not CSV", `RUN --mount=a\"b,type=cache make`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, hasCacheMount(c.instruction))
		})
	}
}

func TestOnlyAStepThatRanUsedItsCacheMount(t *testing.T) {
	const instruction = "RUN --mount=type=cache,target=/x make"
	cases := []struct {
		name string
		step progress.Step
		want bool
	}{
		{"a step that ran", progress.Step{Instruction: instruction, Ran: true}, true},
		{"a step that came from a cache", progress.Step{Instruction: instruction, Cached: true}, false},
		{"a step that never ended", progress.Step{Instruction: instruction}, false},
		{"a step that failed, perhaps before its mount was made", progress.Step{Instruction: instruction, Ran: true, Error: "exit code: 1"}, false},
		{"a step without a mount", progress.Step{Instruction: "RUN make", Ran: true}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, usedCacheMount([]progress.Step{{Instruction: "FROM a", Ran: true}, c.step}))
		})
	}
}

func TestTheReasonWhyCacheMountsAreNotKept(t *testing.T) {
	all := []string{variables.MountsAuto}
	fresh, kept := "; their files were removed with the builder", "; their files stay on the builder docker for as long as it exists"
	cases := []struct {
		name     string
		settings variables.Settings
		kind     string
		want     string
	}{
		{"the mounts are off", variables.Settings{Mode: variables.ModeRegistry, Mounts: []string{variables.MountsOff}}, variables.BuilderNative, "LAYERCACHE_MOUNTS=off" + fresh},
		{"the cache is off", variables.Settings{Mode: variables.ModeOff, Mounts: all}, variables.BuilderNative, "the cache is off" + fresh},
		{"the cache is off, on a builder that lives on", variables.Settings{Mode: variables.ModeOff, Mounts: all}, variables.BuilderDocker, "the cache is off" + kept},
		{"the mode has no place for them", variables.Settings{Mode: variables.ModeInline, Mounts: all}, variables.BuilderNative, "mode inline cannot keep them" + fresh},
		{"the local cache has no folder", variables.Settings{Mode: variables.ModeLocal, Mounts: all}, variables.BuilderDocker, "mode local keeps them only with LAYERCACHE_LOCAL_DIR" + kept},
		{"a folder on docker's builder", variables.Settings{Mode: variables.ModeLocal, LocalDir: "cache", Mounts: all}, variables.BuilderDocker, "only the native builder can keep them" + kept},
		{"the builder is a container", variables.Settings{Mode: variables.ModeRegistry, Mounts: all}, variables.BuilderContainer, "only the native builder can keep them" + fresh},
		{"the builder is docker's", variables.Settings{Mode: variables.ModeRegistry, Mounts: all}, variables.BuilderDocker, "only the native builder can keep them" + kept},
		{"the builder was named with --builder", variables.Settings{Mode: variables.ModeRegistry, Mounts: all}, "mine",
			"only the native builder can keep them; their files stay on the builder mine for as long as it exists"},
		{"only others are named", variables.Settings{Mode: variables.ModeRegistry, Mounts: []string{"go", "npm"}}, variables.BuilderNative, "LAYERCACHE_MOUNTS names none of them" + fresh},
		{"the builder did not announce them", variables.Settings{Mode: variables.ModeRegistry, Mounts: all}, variables.BuilderNative, "the builder did not say which they are" + fresh},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, whyNotKept(c.settings, activeBuilder{kind: c.kind}))
		})
	}
}

func TestTheBuilderOfAJobKeepsCacheMountsUntilItEnds(t *testing.T) {
	off := variables.Settings{Mode: variables.ModeRegistry, Mounts: []string{variables.MountsOff}}
	joined := activeBuilder{kind: variables.BuilderNative, member: &jobbuilder.Member{}}
	assert.Equal(t, "LAYERCACHE_MOUNTS=off; their files stay on the builder for later builds of this job", whyNotKept(off, joined))
}

func TestAMountHasOneEntryInTheReport(t *testing.T) {
	nothing := new(int64(0))
	imports := []string{"h/c:branch", "h/c:main"}
	filled := cachemount.Result{
		ID: "go", Restored: true, From: 1, RestoredFiles: 10, RestoredBytes: 1000, DownloadedBytes: 400, RestoreSeconds: 2,
		ReadKnown: true, ReadFiles: 4, ReadBytes: 300, StoredBytes: 450, Saved: true, UploadedBytes: 50, EvictedBytes: 7, SaveSeconds: 0.5,
	}
	entry := report.Mount{
		ID: "go", Restored: true, From: "h/c:main", Files: 10, Bytes: 1000, DownloadedBytes: 400, RestoreSeconds: 2,
		ReadFiles: new(4), ReadBytes: new(int64(300)), Saved: true, UploadedBytes: 50, StoredBytes: new(int64(450)), EvictedBytes: 7, SaveSeconds: 0.5,
	}
	other := cachemount.Result{ID: "go", Restored: true, From: 1, RestoredFiles: 10, RestoredBytes: 1000, DownloadedBytes: 400, RestoreSeconds: 3, StoredBytes: 400, NotSaved: cachemount.OtherCopy}
	both := entry
	both.Files, both.Bytes, both.DownloadedBytes, both.RestoreSeconds = 20, 2000, 800, 3
	cases := []struct {
		name    string
		results []cachemount.Result
		want    []report.Mount
	}{
		{"no mount", nil, nil},
		{"a mount that was restored and saved", []cachemount.Result{filled}, []report.Mount{entry}},
		{"a mount that started empty, of which no file can have been read", []cachemount.Result{{ID: "go", ReadKnown: true, NotSaved: cachemount.NoStepChanged}},
			[]report.Mount{{ID: "go", NotSaved: "no step that can change it succeeded", StoredBytes: new(int64(0))}}},
		{"what was read is not known without a save", []cachemount.Result{{ID: "go", Restored: true, NotSaved: cachemount.WritesNoCache}},
			[]report.Mount{{StoredBytes: nothing, ID: "go", Restored: true, From: "h/c:branch", NotSaved: "this build writes no cache"}}},
		{"two copies of which the first was saved", []cachemount.Result{filled, other}, []report.Mount{both}},
		{"two copies of which the second was saved", []cachemount.Result{other, filled}, []report.Mount{both}},
		{"two copies that have nothing new", []cachemount.Result{{ID: "go", NotSaved: cachemount.OtherCopy}, {ID: "go", NotSaved: cachemount.NothingNew}},
			[]report.Mount{{StoredBytes: nothing, ID: "go", NotSaved: "nothing is new"}}},
		{"two copies that read files", []cachemount.Result{{ID: "go", Restored: true, ReadKnown: true, ReadFiles: 1, ReadBytes: 2}, {ID: "go", Restored: true, ReadKnown: true, ReadFiles: 3, ReadBytes: 4}},
			[]report.Mount{{StoredBytes: nothing, ID: "go", Restored: true, From: "h/c:branch", ReadFiles: new(4), ReadBytes: new(int64(6))}}},
		{"two copies with two problems", []cachemount.Result{{ID: "go", Problem: "a"}, {ID: "go", Problem: "b"}}, []report.Mount{{StoredBytes: nothing, ID: "go", Problem: "a; b"}}},
		{"two copies with the same problem", []cachemount.Result{{ID: "go", Problem: "a"}, {ID: "go", Problem: "a"}}, []report.Mount{{StoredBytes: nothing, ID: "go", Problem: "a"}}},
		{"a problem of the second copy only", []cachemount.Result{{ID: "go"}, {ID: "go", Problem: "b"}}, []report.Mount{{StoredBytes: nothing, ID: "go", Problem: "b"}}},
		{"what is stored is not known after a restore that failed", []cachemount.Result{{ID: "go", RestoreFailed: true, NotSaved: cachemount.StoredIsKept, Problem: "a"}},
			[]report.Mount{{ID: "go", NotSaved: "what is stored was not read, and is kept", Problem: "a"}}},
		{"what is stored is known after a save, even if the restore failed", []cachemount.Result{{ID: "go", RestoreFailed: true, Saved: true, StoredBytes: 5, UploadedBytes: 5, Problem: "a"}},
			[]report.Mount{{ID: "go", Saved: true, StoredBytes: new(int64(5)), UploadedBytes: 5, Problem: "a"}}},
		{"a mount that cannot be kept", []cachemount.Result{{ID: "go", NotKept: "it starts with files", NotSaved: cachemount.StoredIsKept}},
			[]report.Mount{{ID: "go", NotSaved: "what is stored was not read, and is kept", Decision: "not kept: it starts with files"}}},
		{"two mounts stay in order", []cachemount.Result{{ID: "b"}, {ID: "a"}}, []report.Mount{{StoredBytes: nothing, ID: "b"}, {StoredBytes: nothing, ID: "a"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, reportMounts(c.results, imports))
		})
	}
}

func TestEachProblemOfAMountIsOneWarning(t *testing.T) {
	results := []cachemount.Result{{ID: "go", Problem: "not restored: EOF"}, {ID: "go", Problem: "not restored: EOF"}, {ID: "npm"}, {ID: "npm", Problem: "not saved: 403"}}
	assert.Equal(t, []string{"cache mount go: not restored: EOF", "cache mount npm: not saved: 403"}, mountWarnings(results))
}

func TestTheLineSaysNothingNewIfNothingIsNew(t *testing.T) {
	r := report.Report{Mounts: reportMounts([]cachemount.Result{{ID: "go", NotSaved: cachemount.NothingNew}}, nil)}
	assert.Equal(t, "cache mounts: 0 restored; nothing new to save", r.MountsLine())
}

func TestRestoresAndSavesAreActivities(t *testing.T) {
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	restore := func(r cachemount.Result) cachemount.Result {
		r.ID, r.RestoreBegin, r.RestoreSeconds = "go", at(2), 1.5
		return r
	}
	restored := report.Activity{Kind: report.Restore, Label: "go", Start: 2, Seconds: 1.5, Bytes: 400}
	cases := []struct {
		name   string
		result cachemount.Result
		want   []report.Activity
	}{
		{"a mount that was restored, and has nothing new", restore(cachemount.Result{Restored: true, DownloadedBytes: 400, SaveBegin: at(9), SaveSeconds: 1, NotSaved: cachemount.NothingNew}), []report.Activity{restored}},
		{"a mount that was restored and saved", restore(cachemount.Result{Restored: true, DownloadedBytes: 400, SaveBegin: at(9), SaveSeconds: 1, Saved: true, UploadedBytes: 30}),
			[]report.Activity{restored, {Kind: report.Save, Label: "go", Start: 9, Seconds: 1, Bytes: 30}}},
		{"a mount that no cache has", restore(cachemount.Result{NotSaved: cachemount.NoStepChanged}), nil},
		{"a restore that failed", restore(cachemount.Result{RestoreFailed: true, NotSaved: cachemount.StoredIsKept}), []report.Activity{{Kind: report.Restore, Label: "go", Start: 2, Seconds: 1.5}}},
		{"a save that failed", restore(cachemount.Result{SaveBegin: at(9), SaveSeconds: 1, Problem: "not saved: 403"}), []report.Activity{{Kind: report.Save, Label: "go", Start: 9, Seconds: 1}}},
		{"a build that never began to save", restore(cachemount.Result{}), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, mountActivities([]cachemount.Result{c.result}, begin))
		})
	}
}
