package start

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// end is how a build ended.
type end struct {
	status types.StatusType
	took   time.Duration
	// why is what CodeBuild says of a failure.
	why string
}

// Ended is the error for a build that did not succeed.
type Ended struct {
	// ID is the build's.
	ID string
	// Status is CodeBuild's word: FAILED, FAULT, TIMED_OUT or STOPPED.
	Status string
	// Why is what CodeBuild says of it; it may be empty.
	Why string
}

func (e Ended) Error() string {
	words := map[string]string{
		"FAILED":    "failed",
		"FAULT":     "ended with a fault of CodeBuild",
		"TIMED_OUT": "ran out of time",
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

// endOfBuild is nil while the build runs.
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

// finish shows the verdicts and how long it took.
func (f *follower) finish(e end) error {
	hasVerdict := false
	for _, m := range f.members {
		if line := verdictOf(m.now.ExportedEnvironmentVariables); line != "" {
			f.screen.note("%s%s", m.prefix(), line)
			hasVerdict = true
		}
	}
	if e.status != types.StatusTypeSucceeded {
		return Ended{ID: f.build.ID, Status: string(e.status), Why: e.why}
	}
	if !hasVerdict {
		f.screen.note("no verdict: the build exported no LAYERCACHE_VERDICT (its buildspec has to name it under env, exported-variables)")
	}
	f.screen.note("build %s succeeded in %s", f.build.ID, length(e.took))
	return nil
}

// variablePrefix is what the variables that the helper exports begin with.
const variablePrefix = "LAYERCACHE_"

// verdictOf is what the helper exported, on one line that begins with the verdict; empty when there is none.
func verdictOf(variables []types.ExportedEnvironmentVariable) string {
	var verdict string
	var figures []string
	for _, v := range variables {
		name, isOurs := strings.CutPrefix(aws.ToString(v.Name), variablePrefix)
		value := oneLine(aws.ToString(v.Value))
		switch {
		case !isOurs || value == "":
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
