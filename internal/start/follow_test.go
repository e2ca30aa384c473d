package start

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
)

// good is a build that succeeds. Its last log event comes after its end.
func good() *awsfake.Build {
	early := []awsfake.Phase{phase("SUBMITTED", 1), phase("QUEUED", 2), phase("PROVISIONING", 7)}
	all := slices.Concat(early, []awsfake.Phase{phase("INSTALL", 1), phase("BUILD", 40), phase("FINALIZING", 3), {Type: "COMPLETED"}})
	verdict := []string{"LAYERCACHE_VERDICT=used", "LAYERCACHE_HIT_RATIO=0.93", "OTHER=x"}
	return &awsfake.Build{ID: id, Looks: []awsfake.Look{
		{Phases: []awsfake.Phase{{Type: "QUEUED"}}},
		{Phases: early, Log: []string{"[Container] Entering phase INSTALL\n", "one\ntwo\n"}},
		{Phases: early, Log: []string{"three"}},
		{Phases: all, Status: "SUCCEEDED", Log: []string{"four\n"}, Exported: verdict},
		{Phases: all, Status: "SUCCEEDED", Log: []string{"late\n"}, Exported: verdict},
		{Phases: all, Status: "SUCCEEDED", Exported: verdict},
	}}
}

func TestALogIsShownOnceAndInOrderWithTheEventsAfterTheEnd(t *testing.T) {
	for _, pageSize := range []int{0, 1} {
		build := good()
		build.PageSize = pageSize
		got, err := newFake(t, awsfake.CodeBuild(build)).follow(context.Background(), false)
		require.NoError(t, err)
		assert.Equal(t, "[Container] Entering phase INSTALL\none\ntwo\nthree\nfour\nlate\n", got.log)
		assert.Equal(t, `layercache: queued: 2 s
layercache: provisioning a machine: 7 s
layercache: finishing: 3 s
layercache: verdict used, hit ratio 0.93
layercache: build shop:11111111-2222-3333-4444-555555555555 succeeded in 1 min 5 s
`, got.notes)
	}
}

func TestEveryFinalStatusIsReported(t *testing.T) {
	failed := awsfake.Phase{Type: "BUILD", Status: "FAILED", Seconds: 9, Code: "COMMAND_EXECUTION_ERROR", Message: "Error while executing command: layercache image.\nReason: exit status 1"}
	cases := []struct {
		status  string
		phase   awsfake.Phase
		message string
	}{
		{"FAILED", failed, "build " + id + " failed: BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: layercache image. Reason: exit status 1"},
		{"FAULT", awsfake.Phase{Type: "PROVISIONING", Status: "FAULT", Seconds: 9, Code: "INTERNAL_SERVICE_ERROR", Message: "try again"}, "ended with an internal error of CodeBuild: PROVISIONING: INTERNAL_SERVICE_ERROR: try again"},
		{"TIMED_OUT", awsfake.Phase{Type: "BUILD", Status: "TIMED_OUT", Seconds: 9, Code: "BUILD_TIMED_OUT", Message: "Build has timed out."}, "timed out: BUILD: BUILD_TIMED_OUT: Build has timed out."},
		{"STOPPED", awsfake.Phase{Type: "BUILD", Status: "STOPPED", Seconds: 9}, "was stopped: BUILD"},
		{"SOMETHING_NEW", phase("BUILD", 9), "ended with status SOMETHING_NEW"},
	}
	for _, c := range cases {
		t.Run(c.status, func(t *testing.T) {
			build := &awsfake.Build{ID: id, Looks: []awsfake.Look{{Status: c.status, Phases: []awsfake.Phase{c.phase}, Exported: []string{"LAYERCACHE_VERDICT=cold"}}}}
			got, err := newFake(t, awsfake.CodeBuild(build)).follow(context.Background(), false)
			assertEnded(t, err, c.status)
			assert.ErrorContains(t, err, c.message)
			assert.Contains(t, got.notes, "layercache: verdict cold\n")
		})
	}
}

func TestWithoutALogOnlyThePhasesAreShown(t *testing.T) {
	cases := []struct {
		name    string
		change  func(*awsfake.Build, map[string]awsfake.Answer)
		message string
	}{
		{"logs are off", func(b *awsfake.Build, _ map[string]awsfake.Answer) { b.NoLog = true }, "writes no log to CloudWatch Logs: showing only its phases"},
		{"logs go to S3", func(b *awsfake.Build, _ map[string]awsfake.Answer) { b.NoLog, b.S3Log = true, "bucket/shop" }, "it writes one to S3, at bucket/shop"},
		{"logs may not be read", func(_ *awsfake.Build, answers map[string]awsfake.Answer) {
			answers["GetLogEvents"] = awsfake.Denied("logs:GetLogEvents")
		}, "logs:GetLogEvents is not allowed on log group /aws/codebuild/shop"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			build := good()
			answers := awsfake.CodeBuild(build)
			c.change(build, answers)
			got, err := newFake(t, answers).follow(context.Background(), false)
			require.NoError(t, err)
			assert.Empty(t, got.log)
			assert.Contains(t, got.notes, c.message)
			assert.Contains(t, got.notes, "layercache: build phase: 40 s\n")
			assert.Contains(t, got.notes, "layercache: verdict used")
		})
	}
}

func TestABuildWithoutAVerdictIsReported(t *testing.T) {
	build := &awsfake.Build{ID: id, Looks: []awsfake.Look{{Status: "SUCCEEDED"}}}
	got, err := newFake(t, awsfake.CodeBuild(build)).follow(context.Background(), false)
	require.NoError(t, err)
	assert.Contains(t, got.notes, "no verdict: the build exported no LAYERCACHE_VERDICT")
}

func TestExportedValuesCannotControlTheTerminal(t *testing.T) {
	build := &awsfake.Build{ID: id, Looks: []awsfake.Look{{Status: "SUCCEEDED", Exported: []string{"LAYERCACHE_VERDICT=used\x1b[2J\nlayercache: all is well"}}}}
	got, err := newFake(t, awsfake.CodeBuild(build)).follow(context.Background(), false)
	require.NoError(t, err)
	assert.Contains(t, got.notes, "layercache: verdict used layercache: all is well\n")
	assert.NotContains(t, got.notes, "\x1b")
}

func TestASilentLogShowsThePhase(t *testing.T) {
	var looks []awsfake.Look
	for range 20 {
		looks = append(looks, awsfake.Look{Phases: []awsfake.Phase{{Type: "PROVISIONING"}}})
	}
	looks = append(looks, awsfake.Look{Status: "SUCCEEDED", Phases: []awsfake.Phase{phase("PROVISIONING", 50)}})

	got, err := newFake(t, awsfake.CodeBuild(&awsfake.Build{ID: id, Looks: looks})).follow(context.Background(), true)
	require.NoError(t, err)
	assert.Contains(t, got.notes, eraseLine+"layercache: provisioning a machine, 12 s so far"+eraseLine+"layercache: provisioning a machine, 14 s so far")
	assert.Contains(t, got.notes, "so far"+eraseLine+"layercache: provisioning a machine: 50 s\n")

	got, err = newFake(t, awsfake.CodeBuild(&awsfake.Build{ID: id, Looks: looks})).follow(context.Background(), false)
	require.NoError(t, err)
	assert.Equal(t, "layercache: provisioning a machine, 40 s so far\n", got.notes[:len("layercache: provisioning a machine, 40 s so far\n")], "without a terminal, one line every half minute")
	assert.NotContains(t, got.notes, "\x1b")
}

func TestARedrawnLineDoesNotWrap(t *testing.T) {
	var notes bytes.Buffer
	s := &screen{Output: Output{Notes: &notes, Live: true}, clock: clock{now: time.Now}}
	s.showActivity(strings.Repeat("building ", 50))
	assert.Len(t, strings.TrimPrefix(notes.String(), eraseLine), maxRedrawnWidth)
}

func TestABuildIsPolledLessOftenAfterAMinute(t *testing.T) {
	looks := slices.Repeat([]awsfake.Look{{}}, 35)
	w := newFake(t, awsfake.CodeBuild(&awsfake.Build{ID: id, Looks: append(looks, awsfake.Look{Status: "SUCCEEDED"})}))
	_, err := w.follow(context.Background(), false)
	require.NoError(t, err)
	assert.Equal(t, slices.Repeat([]time.Duration{2 * time.Second}, 30), w.waits[:30])
	assert.Equal(t, 5*time.Second, w.waits[31])
	assert.Equal(t, 2*time.Second, w.waits[len(w.waits)-1], "the rest of the log is polled at the short interval")
}

func TestNetworkFailureAndThrottlingAreRetried(t *testing.T) {
	for _, problem := range []awsfake.Error{
		{Status: http.StatusBadRequest, Code: "ThrottlingException", Message: "Rate exceeded"},
		{Status: http.StatusInternalServerError, Code: "InternalServerError"},
	} {
		for _, operation := range []string{"BatchGetBuilds", "GetLogEvents"} {
			t.Run(operation+" "+problem.Code, func(t *testing.T) {
				answers := awsfake.CodeBuild(good())
				answer, failures := answers[operation], 0
				answers[operation] = func(input map[string]any) (map[string]any, error) {
					if failures++; failures <= maxAttempts-1 {
						return nil, problem
					}
					return answer(input)
				}
				got, err := newFake(t, answers).follow(context.Background(), false)
				require.NoError(t, err)
				assert.Contains(t, got.log, "four\nlate\n")
			})
		}
	}
}

func TestALongNetworkFailureStopsFollowingAndSaysThatTheBuildStillRuns(t *testing.T) {
	answers := awsfake.CodeBuild(good())
	answers["BatchGetBuilds"] = awsfake.Fails(awsfake.Error{Status: http.StatusInternalServerError, Code: "InternalServerError"})
	_, err := newFake(t, answers).follow(context.Background(), false)
	require.ErrorContains(t, err, "follow build "+id+", which is still running: ")
	var ended Ended
	assert.NotErrorAs(t, err, &ended)
}

func TestAnInterruptLeavesTheBuildRunningAndSaysHowToStopIt(t *testing.T) {
	for name, c := range map[string]struct {
		batch   bool
		message string
	}{
		"a build": {false, "stop it with `aws codebuild stop-build --region eu-west-1 --profile dev --id " + id + "`"},
		"a batch": {true, "stop it with `aws codebuild stop-build-batch --region eu-west-1 --profile dev --id " + id + "`"},
	} {
		t.Run(name, func(t *testing.T) {
			interrupt := errors.New("interrupted")
			ctx, cancel := context.WithCancelCause(context.Background())
			w := newFake(t, awsfake.CodeBuild(good()))
			w.account.Profile = "dev"
			cancel(interrupt)
			err := w.Follow(ctx, Build{ID: id, Batch: c.batch}, Output{})
			require.ErrorContains(t, err, c.message)
			assert.ErrorIs(t, err, interrupt)
			assert.Empty(t, w.server.Calls("StopBuild"))
		})
	}
}
