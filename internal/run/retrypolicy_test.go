package run

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
)

func TestTheNextStepAfterACallOfBuildx(t *testing.T) {
	refused := &cacheFailure{problem: "403 Forbidden"}
	cases := []struct {
		name      string
		situation situation
		want      step
	}{
		{"a build that succeeded is over", situation{}, finish},
		{"a build that a signal stopped is over", situation{failed: true, stopped: true, cause: refused}, finish},
		{"a step that failed by itself is not repeated", situation{failed: true}, finish},
		{"a builder that died is replaced", situation{failed: true, builderDied: true}, repeatOnNewBuilder},
		{"a builder that died is replaced even if the cache failed", situation{failed: true, builderDied: true, cause: refused}, repeatOnNewBuilder},
		{"a second builder that died is not replaced", situation{failed: true, builderDied: true, replaced: true}, finish},
		{"a cache that was refused is not imported again", situation{failed: true, cause: refused}, repeatWithoutCache},
		{"a download that took too long keeps the builder", situation{failed: true, cause: &cacheFailure{awaited: progress.AwaitsPull}}, repeatWithoutCache},
		{"an export that took too long keeps the builder", situation{failed: true, cause: &cacheFailure{awaited: progress.AwaitsExport}}, repeatWithoutCache},
		{"an import that took too long needs a new builder", situation{failed: true, cause: &cacheFailure{awaited: progress.AwaitsImport}}, repeatWithoutCacheOnNewBuilder},
		{"a corrupt layer needs a new builder", situation{failed: true, cause: &cacheFailure{problem: "unexpected commit digest sha256:1"}}, repeatWithoutCacheOnNewBuilder},
		{"a registry that throttles is waited for", situation{failed: true, throttled: "429 Too Many Requests"}, repeatAfterWait},
		{"a cache that throttles is imported again", situation{failed: true, throttled: "429 Too Many Requests", cause: refused}, repeatAfterWait},
		{"a signal counts more than throttling", situation{failed: true, stopped: true, throttled: "429 Too Many Requests"}, finish},
		{"a builder that died counts more than throttling", situation{failed: true, builderDied: true, throttled: "429 Too Many Requests"}, repeatOnNewBuilder},
		{"a stuck builder is left", situation{failed: true, cause: &cacheFailure{awaited: awaitsBuilder}}, leaveStuckBuilder},
	}
	used := map[step]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, nextStep(c.situation)) })
		used[c.want] = true
	}
	assert.Len(t, used, 6, "every step is reached")
}

func TestALocalCacheThatAnotherBuildWrites(t *testing.T) {
	plan := cache.Flags{From: []string{"type=local,src=/cache"}, To: "type=local,dest=/cache", Folder: "/cache"}
	ended := outcome{exitCode: 1, graph: progress.NewGraph(), buildxError: "ERROR: failed to build: could not lock /cache/index.json.lock"}
	b := &build{}
	cause := b.cacheFailureIn(ended, plan)
	require.NotNil(t, cause)
	assert.Equal(t, repeatWithoutCache, nextStep(situation{failed: true, cause: cause}))
	cause.applyTo(&ended, &plan)
	assert.NotEmpty(t, plan.From, "it can still be read")
	assert.Empty(t, plan.To)
	assert.Contains(t, ended.export.Error, "could not lock")

	plan.To = "type=local,dest=/cache"
	assert.Nil(t, b.cacheFailureIn(outcome{graph: progress.NewGraph(), buildxError: "ERROR: failed to build: could not lock /cache-of-another/index.json.lock"}, plan))
}

func TestALocalCacheThatIsLockedCouldNotBeRead(t *testing.T) {
	var c call
	c.note([]byte("WARNING: local cache import at /a cache skipped due to err: could not lock /a cache/index.json.lock\n"))
	c.note([]byte("WARNING: local cache import at /new skipped due to err: could not read /new/index.json: no such file or directory\n"))
	assert.Equal(t, []progress.Import{{Ref: "/a cache", Error: "could not lock /a cache/index.json.lock", Ended: true}}, c.locked)
}
