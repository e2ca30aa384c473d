package start

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// phaseWords are the phases as a person says them.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
var phaseWords = map[types.BuildPhaseType]string{
	types.BuildPhaseTypeQueued:          "queued",
	types.BuildPhaseTypeProvisioning:    "getting a machine",
	types.BuildPhaseTypeDownloadSource:  "downloading the source",
	types.BuildPhaseTypeInstall:         "install phase",
	types.BuildPhaseTypePreBuild:        "pre_build phase",
	types.BuildPhaseTypeBuild:           "build phase",
	types.BuildPhaseTypePostBuild:       "post_build phase",
	types.BuildPhaseTypeUploadArtifacts: "uploading artifacts",
	types.BuildPhaseTypeFinalizing:      "finishing",
}

// inLog are the phases of whose ends the log itself tells.
var inLog = []types.BuildPhaseType{
	types.BuildPhaseTypeInstall, types.BuildPhaseTypePreBuild, types.BuildPhaseTypeBuild, types.BuildPhaseTypePostBuild,
}

// newlyEnded are lines for the phases that have ended and were not told, and are so from now on; those that the log tells
// of are left out where there is one.
func newlyEnded(phases []types.BuildPhase, hasLog bool, told map[types.BuildPhaseType]bool) []string {
	var lines []string
	for _, phase := range phases {
		words := phaseWords[phase.PhaseType]
		if words == "" || phase.EndTime == nil || told[phase.PhaseType] || hasLog && slices.Contains(inLog, phase.PhaseType) {
			continue
		}
		told[phase.PhaseType] = true
		line := fmt.Sprintf("%s: %s", words, length(time.Duration(aws.ToInt64(phase.DurationInSeconds))*time.Second))
		if phase.PhaseStatus != types.StatusTypeSucceeded && phase.PhaseStatus != "" {
			line += ", " + strings.ToLower(string(phase.PhaseStatus))
		}
		lines = append(lines, line)
	}
	return lines
}

// currentPhase says what the build is at and for how long; empty when that is not known.
func currentPhase(phases []types.BuildPhase, now time.Time) string {
	for _, phase := range slices.Backward(phases) {
		words := phaseWords[phase.PhaseType]
		if words == "" || phase.EndTime != nil || phase.StartTime == nil {
			continue
		}
		return fmt.Sprintf("%s, %s so far", words, length(max(0, now.Sub(*phase.StartTime))))
	}
	return ""
}

// reasons are what CodeBuild says of the phases that did not succeed.
func reasons(phases []types.BuildPhase) string {
	var texts []string
	for _, phase := range phases {
		if phase.PhaseStatus == "" || phase.PhaseStatus == types.StatusTypeSucceeded || phase.PhaseStatus == types.StatusTypeInProgress {
			continue
		}
		text := string(phase.PhaseType)
		for _, told := range phase.Contexts {
			text += contextWords(told)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

func contextWords(told types.PhaseContext) string {
	var text string
	for _, part := range []*string{told.StatusCode, told.Message} {
		if part != nil && *part != "" {
			text += ": " + oneLine(*part)
		}
	}
	return text
}

// length is a duration to the second.
func length(duration time.Duration) string {
	duration = duration.Round(time.Second)
	if duration < time.Minute {
		return fmt.Sprintf("%d s", int(duration.Seconds()))
	}
	return fmt.Sprintf("%d min %d s", int(duration.Minutes()), int(duration.Seconds())%60)
}
