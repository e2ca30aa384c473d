package start

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
)

// batchOf returns the answers for a batch that starts one build at each poll, and ends with the status at the
// last.
func batchOf(status string, builds ...*awsfake.Build) map[string]awsfake.Answer {
	answers := awsfake.CodeBuild(builds...)
	polls := 0
	answers["BatchGetBuildBatches"] = func(map[string]any) (map[string]any, error) {
		polls++
		var groups []any
		for i, b := range builds {
			group := map[string]any{"identifier": []string{"linux_amd64", "linux_arm64", "index"}[i]}
			if i < polls {
				group["currentBuildSummary"] = map[string]any{"arn": b.ARN()}
			}
			groups = append(groups, group)
		}
		batch := map[string]any{"id": id, "buildBatchStatus": "IN_PROGRESS", "buildGroups": groups, "startTime": 1_770_000_000}
		if polls > len(builds)+1 {
			batch["buildBatchStatus"], batch["complete"], batch["endTime"] = status, true, 1_770_000_090
			if status != "SUCCEEDED" {
				batch["phases"] = []any{map[string]any{"phaseType": "FAILED", "phaseStatus": "FAILED", "contexts": []any{
					map[string]any{"statusCode": "BATCH_FAILED", "message": "linux_arm64 failed"},
				}}}
			}
		}
		return map[string]any{"buildBatches": []any{batch}}, nil
	}
	return answers
}

func platform(number, verdict, status string) *awsfake.Build {
	return &awsfake.Build{ID: "shop:" + number, Looks: []awsfake.Look{
		{Log: []string{"building " + number + "\n"}},
		{Log: []string{"a\nb"}, Status: status, Exported: []string{"LAYERCACHE_VERDICT=" + verdict}},
	}}
}

func TestTheBuildsOfABatchAreFollowedTogether(t *testing.T) {
	w := newFake(t, batchOf("SUCCEEDED", platform("1", "used", "SUCCEEDED"), platform("2", "cold", "SUCCEEDED")))
	var log, notes bytes.Buffer
	require.NoError(t, w.Follow(context.Background(), Build{ID: id, Batch: true}, Output{Log: &log, Notes: &notes}))
	assert.Equal(t, `linux_amd64 | building 1
linux_amd64 | a
linux_amd64 | b
linux_arm64 | building 2
linux_arm64 | a
linux_arm64 | b
`, log.String())
	assert.Equal(t, `layercache: linux_amd64: verdict used
layercache: linux_arm64: verdict cold
layercache: build shop:11111111-2222-3333-4444-555555555555 succeeded in 1 min 30 s
`, notes.String())
}

func TestABatchEndsWithItsOwnStatus(t *testing.T) {
	w := newFake(t, batchOf("FAILED", platform("1", "used", "SUCCEEDED"), platform("2", "cold", "FAILED")))
	var log, notes bytes.Buffer
	err := w.Follow(context.Background(), Build{ID: id, Batch: true}, Output{Log: &log, Notes: &notes})
	assertEnded(t, err, "FAILED")
	assert.ErrorContains(t, err, "FAILED: BATCH_FAILED: linux_arm64 failed")
}

func TestABatchThatEndsBeforeItsBuildsIsNotWaitedFor(t *testing.T) {
	stuck := &awsfake.Build{ID: "shop:1", Looks: []awsfake.Look{{Log: []string{"on and on\n"}}}}
	w := newFake(t, batchOf("STOPPED", stuck))
	var log, notes bytes.Buffer
	assertEnded(t, w.Follow(context.Background(), Build{ID: id, Batch: true}, Output{Log: &log, Notes: &notes}), "STOPPED")
	assert.Equal(t, "linux_amd64 | on and on\n", log.String())
}
