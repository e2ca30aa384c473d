package run

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/buildkit/progress"
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
		{"a download that took too long keeps the builder", situation{failed: true, cause: &cacheFailure{waitedFor: progress.AwaitsPull}}, repeatWithoutCache},
		{"an export that took too long keeps the builder", situation{failed: true, cause: &cacheFailure{waitedFor: progress.AwaitsExport}}, repeatWithoutCache},
		{"an import that took too long needs a new builder", situation{failed: true, cause: &cacheFailure{waitedFor: progress.AwaitsImport}}, repeatWithoutCacheOnNewBuilder},
		{"a corrupt layer needs a new builder", situation{failed: true, cause: &cacheFailure{problem: "unexpected commit digest sha256:1"}}, repeatWithoutCacheOnNewBuilder},
		{"a stuck builder is left", situation{failed: true, cause: &cacheFailure{waitedFor: awaitsBuilder}}, leaveStuckBuilder},
	}
	used := map[step]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, nextStep(c.situation)) })
		used[c.want] = true
	}
	assert.Len(t, used, 5, "every step is reached")
}
