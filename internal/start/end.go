package start

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/layercache/layercache/internal/variables"
)

// end describes how a build ended.
type end struct {
	status types.StatusType
	took   time.Duration
	// why is CodeBuild's explanation of a failure.
	why string
}

// Ended is the error for a build that did not succeed.
type Ended struct {
	// ID is the ID of the build.
	ID string
	// Status is CodeBuild's status: FAILED, FAULT, TIMED_OUT or STOPPED.
	Status string
	// Why is CodeBuild's explanation; it may be empty.
	Why string
}

func (e Ended) Error() string {
	words := map[string]string{
		"FAILED":    "failed",
		"FAULT":     "ended with an internal error of CodeBuild",
		"TIMED_OUT": "timed out",
		"STOPPED":   "was stopped",
	}[e.Status]
	if words == "" {
		words = "ended with status " + oneLine(e.Status)
	}
	text := fmt.Sprintf("build %s %s", e.ID, words)
	if e.Why != "" {
		text += ": " + e.Why
	}
	return text
}

func isFinal(status types.StatusType) bool {
	return status != "" && status != types.StatusTypeInProgress
}

// endOfBuild returns how the build ended, or nil while it runs.
func endOfBuild(build types.Build) *end {
	if !build.BuildComplete && !isFinal(build.BuildStatus) {
		return nil
	}
	e := end{status: build.BuildStatus, why: reasons(build.Phases)}
	if build.StartTime != nil && build.EndTime != nil {
		e.took = build.EndTime.Sub(*build.StartTime)
	}
	return &e
}

// finish shows the verdicts and the duration, and returns Ended if the build failed.
func (f *follower) finish(e end) error {
	hasVerdict := false
	for _, m := range f.members {
		if line := verdictLine(m.now.ExportedEnvironmentVariables); line != "" {
			f.screen.note("%s%s", m.prefix(), line)
			hasVerdict = true
		}
	}
	if e.status != types.StatusTypeSucceeded {
		return Ended{ID: f.build.ID, Status: string(e.status), Why: e.why}
	}
	if !hasVerdict {
		f.screen.note("no verdict: the build exported no LAYERCACHE_VERDICT (list it in the buildspec under env, exported-variables)")
	}
	f.screen.note("build %s succeeded in %s", f.build.ID, durationText(e.took))
	return nil
}

// verdictLine returns the exported variables of layercache as one line that begins with the verdict; empty
// without a verdict.
func verdictLine(exported []types.ExportedEnvironmentVariable) string {
	var verdict string
	var figures []string
	for _, v := range exported {
		name, isLayercache := strings.CutPrefix(aws.ToString(v.Name), variables.Prefix)
		value := oneLine(aws.ToString(v.Value))
		switch {
		case !isLayercache || value == "":
		case name == "VERDICT":
			verdict = "verdict " + value
		default:
			figures = append(figures, strings.ToLower(strings.ReplaceAll(oneLine(name), "_", " "))+" "+value)
		}
	}
	if verdict == "" {
		return ""
	}
	return strings.Join(append([]string{verdict}, figures...), ", ")
}
