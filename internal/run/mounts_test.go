package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/cachemount/payoff"
)

func TestWhatABuildShowsAboutItsMounts(t *testing.T) {
	used := payoff.Decision{Use: true}
	good := []cachemount.StepResult{{Command: "make", Seconds: 3, Share: 1, Succeeded: true}, {Command: "test", Seconds: 1}}
	steps := []payoff.Step{{Command: "make", Seconds: 3, Share: 1}}
	files := func(n int) *int { return &n }
	for _, c := range []struct {
		name     string
		results  []cachemount.Result
		observed []observation
	}{
		{"a mount that was empty", []cachemount.Result{{ID: "go", Decision: used, RestoreSeconds: 0.1, Steps: good}}, []observation{{"go", payoff.Use{Steps: steps}}}},
		{"a mount that was restored and saved",
			[]cachemount.Result{{ID: "go", Decision: used, Restored: true, RestoreSeconds: 2, SaveSeconds: 9, SaveWaitSeconds: 1, ReadKnown: true, ReadFiles: 7, Steps: good}},
			[]observation{{"go", payoff.Use{Restored: true, RestoreSeconds: 2, SaveSeconds: 1, ReadFiles: files(7), Steps: steps}}}},
		{"a mount that was left empty", []cachemount.Result{{ID: "go", Steps: good}}, []observation{{"go", payoff.Use{LeftEmpty: true, Steps: steps}}}},
		{"a mount of a step that failed", []cachemount.Result{{ID: "go", Decision: used, Restored: true, Steps: good[1:]}}, nil},
		{"a mount with the files of its from=", []cachemount.Result{{ID: "go", Decision: used, NotKept: "it starts with files", Steps: good}}, nil},
		{"two copies of a mount",
			[]cachemount.Result{
				{ID: "go", Decision: used, Restored: true, RestoreSeconds: 2, ReadKnown: true, ReadFiles: 7, Steps: good},
				{ID: "go", Decision: used, Restored: true, RestoreSeconds: 1, Steps: good},
			},
			[]observation{{"go", payoff.Use{Restored: true, RestoreSeconds: 3, Steps: []payoff.Step{steps[0], steps[0]}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.observed, observeMounts(c.results))
		})
	}
}

func TestTheWaitForSavesIsShared(t *testing.T) {
	results := []cachemount.Result{{SaveSeconds: 3}, {SaveSeconds: 1}, {}}
	shareWait(results, 2)
	require.Equal(t, []float64{1.5, 0.5, 0}, []float64{results[0].SaveWaitSeconds, results[1].SaveWaitSeconds, results[2].SaveWaitSeconds})
}

func TestHowLongStepsTakeWithEmptyMounts(t *testing.T) {
	begin := time.Now()
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	steps := []progress.Step{
		{Instruction: "RUN --mount=type=cache,target=/go short", Ran: true, Start: at(1), Seconds: 4},
		{Instruction: "RUN --mount=type=cache,target=/go long", Ran: true, Start: at(1), Seconds: 9},
		{Instruction: "RUN other", Ran: true, Start: at(1), Seconds: 9},
		{Instruction: "RUN --mount=type=cache,target=/go cached", Cached: true},
		{Instruction: "RUN --mount=type=cache,target=/go later", Ran: true, Start: at(20), Seconds: 3},
	}
	histories := []payoff.MountHistory{{ID: "go", Builds: []payoff.Use{{Steps: []payoff.Step{{Command: "long", Seconds: 60}, {Command: "short", Seconds: 5}}}}}, {ID: "npm"}}
	used := func(restored bool, steps ...cachemount.StepResult) cachemount.Result {
		return cachemount.Result{ID: "go", Restored: restored, Steps: steps}
	}
	for _, c := range []struct {
		name    string
		results []cachemount.Result
		seconds map[int]float64
	}{
		{"steps at the same time are told apart by how long they took",
			[]cachemount.Result{used(true, cachemount.StepResult{Command: "short", Begin: at(1.1), Seconds: 3.5, Share: 1}, cachemount.StepResult{Command: "long", Begin: at(1.1), Seconds: 8, Share: 1})},
			map[int]float64{0: 5, 1: 60}},
		{"a share of what was saved", []cachemount.Result{used(true, cachemount.StepResult{Command: "long", Begin: at(1.1), Seconds: 8, Share: 0.5})}, map[int]float64{1: 34}},
		{"a mount that was empty", []cachemount.Result{used(false, cachemount.StepResult{Command: "long", Begin: at(1.1), Seconds: 8})}, nil},
		{"a command that never ran with an empty mount", []cachemount.Result{used(true, cachemount.StepResult{Command: "new", Begin: at(1.1), Seconds: 8, Share: 1})}, nil},
		{"a step that is not in the progress", []cachemount.Result{used(true, cachemount.StepResult{Command: "long", Begin: at(15), Seconds: 1, Share: 1})}, nil},
		{"a mount without a history", []cachemount.Result{{ID: "pip", Restored: true, Steps: []cachemount.StepResult{{Command: "long", Begin: at(1.1), Seconds: 8}}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := emptySeconds(steps, c.results, histories)
			require.Len(t, found, len(steps))
			for i, seconds := range found {
				expected, known := c.seconds[i]
				require.Equal(t, known, seconds != nil, "step %d", i)
				if known {
					require.InDelta(t, expected, *seconds, 1e-9)
				}
			}
		})
	}
}
